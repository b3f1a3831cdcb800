import type { EntryType } from '../files/index.ts';
import type { ModuleManifest } from './manifest.ts';
import type { PackageDifference } from './package-difference.ts';
import type { PromotionState } from './version.ts';

/** An entry of a module's tree, as people compare it. */
export interface ComparedEntry {
  path: string;
  type: EntryType;
  mode: number;
  uid: number;
  gid: number;
  size: number;
}

export interface ComparedVersion {
  version_id: string;
  version: string;
  digest: string;
  promotion_state: PromotionState;
  /** Bytes of the layer of the compared build. */
  layer_size: number;
}

/** How two versions of a module differ. Lists are cut; `counts` has the full numbers. */
export interface VersionDifference {
  module: string;
  from: ComparedVersion;
  to: ComparedVersion;
  /** The platform whose builds are compared. */
  platform: string;
  files: {
    added: ComparedEntry[];
    removed: ComparedEntry[];
    /** `what`: type, content, mode, owner, xattrs. */
    changed: { path: string; what: string[]; before: ComparedEntry; after: ComparedEntry }[];
  };
  counts: { added: number; removed: number; changed: number };
  packages: PackageDifference;
  /** Fields of the manifest that differ, as JSON; null where a manifest lacks the field. */
  manifest: { field: string; was: string | null; now: string | null }[];
}

/** The fields of two manifests that differ, in the order in which they stand there. */
export function compareManifests(
  was: ModuleManifest,
  now: ModuleManifest,
): VersionDifference['manifest'] {
  const text = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
  const [old, fresh] = [new Map(Object.entries(was)), new Map(Object.entries(now))];

  return [...new Set([...old.keys(), ...fresh.keys()])]
    .map((field) => ({ field, was: text(old.get(field)), now: text(fresh.get(field)) }))
    .filter((one) => one.was !== one.now);
}
