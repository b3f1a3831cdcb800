import { compareBytes, type TreeEntry } from '../domain/files/index.ts';
import type { GeneratedLayer } from './input.ts';

/** Lays the generated layer over the merged root. The result is sorted by path. */
export function applyGenerated(
  root: readonly TreeEntry[],
  { entries, removed }: Pick<GeneratedLayer, 'entries' | 'removed'>,
): TreeEntry[] {
  const gone = new Set(removed);
  const merged = new Map(
    root.filter(({ path }) => !gone.has(path)).map((entry) => [entry.path, entry]),
  );
  for (const entry of entries) merged.set(entry.path, entry);
  return [...merged.values()].sort((a, b) => compareBytes(a.path, b.path));
}
