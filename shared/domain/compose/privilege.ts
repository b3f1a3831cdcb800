import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import type { Track } from '../templates/index.ts';

/**
 * A right of a module that opens more of a machine than the module's own files and services: see
 * `listPrivileges`. Reviewers decide about it before machines get it.
 */
export const privilege = z.strictObject({
  /** `<account>/<name>`. */
  module: z.string(),
  /** What sort of right it is, such as `sudoers`: see `privilegeKinds`. */
  kind: z.string(),
  /** What the module needs, and what that opens. */
  sentence: z.string(),
  /** SHA-256 of all that it names and says, so that a changed unit or rule is a new privilege. */
  digest: z.string(),
});

export type Privilege = z.infer<typeof privilege>;

/**
 * The kind of what packages bring. Reviewers see it, but nobody is asked because of it: every
 * package of a service has a unit, and a reviewer who must let each through looks at none.
 */
export const packageCode = 'package_code';

/** Whether the policy of `module_assign_privileged` decides about a privilege. */
export function needsPolicy({ kind }: Pick<Privilege, 'kind'>): boolean {
  return kind !== packageCode;
}

/**
 * The privileges that operations let through on a track of a template, beside those of its
 * composition in place: what waits for the next composition, and what changed ones replaced.
 */
export interface GrantedPrivileges {
  account: string;
  template_id: string;
  track: Track;
  privileges: Privilege[];
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}

/** A privilege, and the tracks of templates that it is new on. */
export interface GroupedPrivilege extends Privilege {
  places: { template_id: string; track: Track }[];
}

/** A new privilege, with the one of its module and kind that machines have now; null for none. */
export interface ReviewedPrivilege extends GroupedPrivilege {
  was: Privilege | null;
}

/** Adds to a new privilege what the composition in place has of its module and kind. */
export function withFormer(
  privilege: GroupedPrivilege,
  before: readonly Privilege[],
): ReviewedPrivilege {
  const { module, kind, digest } = privilege;
  const was = before.find((one) => one.module === module && one.kind === kind) ?? null;
  // An operation that is applied already has its own composition in place.
  return { ...privilege, was: was?.digest === digest ? null : was };
}

/** The privileges that a composition has and the one before lacks, in the order of `after`. */
export function newPrivileges(
  before: readonly Privilege[],
  after: readonly Privilege[],
): Privilege[] {
  const had = new Set(before.map(keyOf));
  return after.filter((one) => !had.has(keyOf(one)));
}

/**
 * What a track is granted once an operation let privileges through, the oldest first. What the
 * composition in place has needs no grant. One that the operation replaces by a changed one stays
 * granted: otherwise a quarantine, whose composition goes back, would wait for reviewers.
 */
export function grantAfter(
  granted: readonly Privilege[],
  { inPlace, found }: { inPlace: readonly Privilege[]; found: readonly Privilege[] },
): Privilege[] {
  const isReplaced = (one: Privilege) =>
    found.some(
      ({ module, kind, digest }) =>
        module === one.module && kind === one.kind && digest !== one.digest,
    );
  const kept = [...newPrivileges(inPlace, granted), ...inPlace.filter(isReplaced)];
  return [...newPrivileges(found, kept), ...found].slice(-limits.grantedPrivilegesMax);
}

/** The privileges of all templates, each once, sorted by module. */
export function groupPrivileges(
  trials: readonly { template_id: string; track: Track; privileges?: readonly Privilege[] }[],
): GroupedPrivilege[] {
  const groups = new Map<string, GroupedPrivilege>();

  for (const { template_id, track, privileges = [] } of trials) {
    for (const one of privileges) {
      const group = groups.get(keyOf(one)) ?? { ...one, places: [] };
      group.places.push({ template_id, track });
      groups.set(keyOf(one), group);
    }
  }

  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/** A privilege as a preview names it. */
export function privilegeText({ module, kind, sentence }: Privilege): string {
  if (!needsPolicy({ kind })) return `brings code of packages with ${module}: ${sentence}`;
  return `gives ${module} a privilege: ${sentence} The policy of module_assign_privileged decides.`;
}

/** The digest of a kind counts what the sentence says, and what it leaves out. */
function keyOf({ module, kind, digest }: Privilege): string {
  return JSON.stringify([module, kind, digest]);
}
