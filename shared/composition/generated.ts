import type { Composition, GeneratedService } from '../domain/compose/index.ts';
import { compareBytes, type TreeEntry } from '../domain/files/index.ts';

/** The owner of files that no module ships: they are made from the manifests of all. */
export const generatedOwner = 'generated';

/** What the topmost layer of a composition changes: see `generateLayer`. */
export interface Generated {
  /** New and replaced entries. */
  entries: readonly TreeEntry[];
  /** Paths of the merged root that are taken away. */
  removed: readonly string[];
  services: readonly GeneratedService[];
  warnings: readonly string[];
}

/**
 * The composition with the generated layer on top. One that this layer changes nothing in keeps its
 * image.
 */
export function withGenerated(
  composition: Composition,
  { entries: made, removed, services, warnings }: Generated,
): Composition {
  const entries = new Map(composition.entries.map((entry) => [entry.path, entry]));
  const owners = new Map(composition.owners);
  const shapers = new Map(composition.shapers);

  for (const path of removed) {
    for (const one of [entries, owners, shapers]) one.delete(path);
  }

  for (const entry of made) {
    const [own, other] = entry.type === 'directory' ? [shapers, owners] : [owners, shapers];
    entries.set(entry.path, entry);
    own.set(entry.path, generatedOwner);
    other.delete(entry.path);
  }

  return {
    ...composition,
    entries: [...entries.values()].sort((a, b) => compareBytes(a.path, b.path)),
    owners,
    shapers,
    services: [...services],
    report: { ...composition.report, warnings: [...composition.report.warnings, ...warnings] },
  };
}
