import { byName, type FilterTests, matchesName } from '../../base/filters.ts';
import { sha256Hex } from '../../base/ids.ts';

/**
 * From the fewest versions to the most. `live` has live versions, `blessed` (pilot machines) has
 * blessed ones besides, and `staging` all that left `built`.
 */
export const tracks = ['live', 'blessed', 'staging'] as const;

export type Track = (typeof tracks)[number];

export type Metadata = Record<string, string | number | boolean>;

export const metadataKeysMax = 100;

/** Keys to set, and with null those to remove. */
export type MetadataPatch = Record<string, Metadata[string] | null>;

/** Applies a JSON merge patch (RFC 7386) to metadata, whose values are never objects. */
export function mergePatch(present: Metadata, patch: MetadataPatch): Metadata {
  const kept = Object.entries(present).filter(([key]) => !Object.hasOwn(patch, key));
  const set = Object.entries(patch).flatMap(([key, value]) =>
    value === null ? [] : [[key, value] as const],
  );
  return Object.fromEntries([...kept, ...set]);
}

/** Identifies metadata, whatever the order of its keys. */
export function metadataHash(metadata: Metadata): string {
  const sorted = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256Hex(JSON.stringify(sorted));
}

/** A set of assignments for a platform; machines are built from it. */
export interface Template {
  account: string;
  id: string;
  name: string;
  platform: string;
  /** When a machine was last built from it; null before the first. */
  instance_added_at: string | null;
  /** Counts changes, so that a slow compose never replaces the result of a newer one. */
  revision: number;
  created_at: string;
  updated_at: string;
}

/** One module of a template. */
export interface Assignment {
  account: string;
  id: string;
  template_id: string;
  /** `<account>/<name>`: own modules or another account's public ones. */
  module: string;
  /** npm-style semver range; null means any. */
  constraint: string | null;
  metadata: Metadata;
  /** Replaces the priority that category and variety give; null means computed. */
  effective_priority: number | null;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  created_at: string;
  updated_at: string;
}

/**
 * The name of a module in the responses to an account: bare for its own, `<account>/<name>` for
 * another's.
 */
export function moduleLabel(viewer: string, account: string, name: string): string {
  return viewer === account ? name : `${account}/${name}`;
}

/**
 * The account whose public modules every account may name without its slug (product.md, section 2).
 */
export const commonAccount = 'powernode';

/**
 * Lists the modules that a name may mean, the first one first: a bare name means a module of `own`,
 * then of the common account.
 */
export function listNamesakes(name: string, own: string): string[] {
  return name.includes('/') ? [name] : [`${own}/${name}`, `${commonAccount}/${name}`];
}

/** Splits `<account>/<name>`; a bare name belongs to `own`. */
export function splitModule(reference: string, own: string): { account: string; name: string } {
  const slash = reference.indexOf('/');
  return slash === -1
    ? { account: own, name: reference }
    : { account: reference.slice(0, slash), name: reference.slice(slash + 1) };
}

export const templateFilters = {
  name: byName,
  platform: { kind: 'text', about: 'platform' },
  module: { kind: 'text', about: 'assigned module' },
} as const;

/** @param having ids of the templates that the wanted module is assigned to */
export function templateTests(
  having: ReadonlySet<string>,
): FilterTests<Template, typeof templateFilters> {
  return {
    name: (row, name) => matchesName(name, row.name),
    platform: (row, platform) => row.platform === platform,
    module: ({ id }) => having.has(id),
  };
}
