import {
  ancestorPaths,
  compareBytes,
  plainDirectory,
  type TreeEntry,
} from '../domain/files/index.ts';
import { compareTrees } from '../files/index.ts';
import { compileCleaning } from './cleaning.ts';

export interface PackageLayer {
  /** What the layer adds to its base, sorted by path; parent directories are not in it. */
  entries: TreeEntry[];
  /** Paths of the base that the packages removed. A layer cannot take them away. */
  removed: string[];
}

/**
 * Returns what packages add to the tree of the required modules: entries that are new, and those
 * whose type, content, mode, owner or attributes changed. What never ships is left out of both.
 * @param base undefined for a module that needs no other: its layer is the whole tree
 */
export function packageLayer(
  base: readonly TreeEntry[] | undefined,
  full: readonly TreeEntry[],
): PackageLayer {
  const isUnshipped = compileCleaning(base !== undefined);
  const shipped = (tree: readonly TreeEntry[]) =>
    tree.filter(({ path, type }) => path !== '/' && !isUnshipped(path, type === 'directory'));

  const { added, removed, changed } = compareTrees(shipped(base ?? []), shipped(full));
  return {
    entries: [...added, ...changed.map(({ after }) => after)].sort(byPath),
    removed: removed.filter(({ type }) => type !== 'directory').map(({ path }) => path),
  };
}

/**
 * Completes a layer to a tree: adds the root and each parent directory, with the attributes that it
 * has in the built tree, else owner 0:0 and mode 755.
 */
export function withParents(
  layer: Iterable<TreeEntry>,
  full: readonly TreeEntry[],
  seconds: number,
): TreeEntry[] {
  const known = new Map(full.map((entry) => [entry.path, entry]));
  const tree = new Map([...layer].map((entry) => [entry.path, entry]));

  for (const path of ['/', ...[...tree.keys()].flatMap(ancestorPaths)]) {
    if (tree.has(path)) continue;
    const found = known.get(path);
    const plain = { path, ...plainDirectory, mtime: seconds };
    tree.set(path, found?.type === 'directory' ? found : plain);
  }

  return [...tree.values()].sort(byPath);
}

const byPath = (a: TreeEntry, b: TreeEntry) => compareBytes(a.path, b.path);
