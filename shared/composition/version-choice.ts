import type { PromotionState, Version } from '../domain/modules/index.ts';
import { compareVersions, parseVersionRange, withheldBy } from '../domain/modules/index.ts';
import type { Track } from '../domain/templates/index.ts';

/**
 * The standing of a version on a track. `offered`: the track offers it. `withheld`: the track would
 * offer it, but it is quarantined. `superseded`: it was live once, and is used only for a
 * constraint that limits the versions and that no live version satisfies. `unapproved`: another
 * account offers it beside the pinned version, and it is used only for a constraint that the pinned
 * version does not satisfy.
 */
export type Standing = 'offered' | 'withheld' | 'superseded' | 'unapproved';

/** Whether a version of this standing is chosen only where a constraint demands it. */
export function isSecondary(standing: Standing): boolean {
  return standing === 'superseded' || standing === 'unapproved';
}

/** A version that a resolution may choose. */
export interface VersionChoice {
  id: string;
  version_string: string;
  standing: Standing;
  /** The template stays with this version until its account lets another one through. */
  pinned?: true;
  /** Why it is withheld, in one word, if it is not `quarantined`. */
  because?: string;
}

/**
 * Returns the versions of one module that concern a track (product.md, section 9) in order of
 * preference: offered ones, withheld ones, superseded ones, each newest first.
 *
 * - `live`: live versions. One that was live before is `superseded`. A version that was never live
 *   is no choice: no reviewer let it through.
 * - `blessed`: blessed and live versions alike.
 * - `staging`: staging, blessed and live versions alike.
 *
 * `built`, `retired`, held and quarantined versions are never offered.
 */
export function versionChoices<V extends Version>(
  versions: Iterable<V>,
  track: Track,
): (VersionChoice & { of: V })[] {
  const all = [...versions].sort((a, b) => compareVersions(b, a));

  const choices = all.flatMap((version) => {
    const standing = findStanding(version, track);
    return standing === null ? [] : [toChoice(version, standing)];
  });

  return preference.flatMap((standing) => choices.filter((choice) => choice.standing === standing));
}

const preference: readonly Standing[] = ['offered', 'withheld', 'superseded', 'unapproved'];

/**
 * Returns the versions of another account's module for a template that is pinned to one of them.
 * The pinned version comes first. It counts as offered although its account superseded it, and as
 * withheld if its account withdrew it in any other way. The others are `unapproved`: their account
 * alone cannot bring them onto the machines (product.md, section 8). Without the pinned version
 * there is no choice: a constraint would take another one, which nobody let through.
 */
export function pinnedChoices<V extends Version>(
  versions: Iterable<V>,
  track: Track,
  pinned: string,
): (VersionChoice & { of: V })[] {
  const all = [...versions];
  const pin = all.find(({ id }) => id === pinned);
  if (pin === undefined) return [];
  const first = { ...toChoice(pin, isUsable(pin) ? 'offered' : 'withheld'), pinned: true as const };

  const others = versionChoices(all, track).filter(
    ({ id, standing }) => id !== pinned && standing !== 'withheld',
  );
  return [first, ...others.map(({ of }) => toChoice(of, 'unapproved'))];
}

/** Whether machines that have a version may keep getting it, on any track. */
function isUsable({ promotion_state, held, quarantined }: Version): boolean {
  return !held && !quarantined && offeredStates.blessed.includes(promotion_state);
}

function toChoice<V extends Version>(of: V, standing: Standing): VersionChoice & { of: V } {
  const { id, version_string } = of;
  const choice = { id, version_string, standing, of };
  return standing === 'withheld' ? { ...choice, because: wordFor(of) } : choice;
}

function wordFor(version: Version): string {
  return withheldBy(version)?.kind ?? version.promotion_state;
}

const offeredStates: Record<Track, readonly PromotionState[]> = {
  live: ['live'],
  blessed: ['blessed', 'live'],
  staging: ['staging', 'blessed', 'live'],
};

function findStanding(version: Version, track: Track): Standing | null {
  const { promotion_state, held, quarantined, was_live } = version;
  if (held) return null;
  if (offeredStates[track].includes(promotion_state)) return quarantined ? 'withheld' : 'offered';

  const superseded = promotion_state === 'blessed' && was_live && !quarantined;
  return superseded ? 'superseded' : null;
}

/**
 * Returns the version of a single module that a track offers for a constraint, or null if there is
 * none. The constraint is an npm-style semver range; null means any version, including
 * pre-releases. A superseded version that satisfies the same constraint does not replace a
 * quarantined live version: nothing moves back automatically.
 */
export function chooseVersion<V extends Version>(
  versions: Iterable<V>,
  track: Track,
  constraint: string | null,
): V | null {
  const wanted = parseConstraint(constraint);
  const choice = versionChoices(versions, track).find(({ version_string }) =>
    wanted.allows(version_string),
  );
  if (choice === undefined || choice.standing === 'withheld') return null;

  return choice.standing === 'superseded' && wanted.any ? null : choice.of;
}

/** A parsed constraint. */
export interface ParsedConstraint {
  /** True for null and `*`: nobody asked for certain versions. */
  any: boolean;
  allows(versionString: string): boolean;
}

/**
 * Parses a constraint. Null allows every version, `*` as in npm every one but pre-releases. A text
 * that is not a range allows nothing (manifests and requests are validated on entry). Results are
 * cached, because a resolution checks the same versions repeatedly.
 */
export function parseConstraint(constraint: string | null): ParsedConstraint {
  if (constraint === null) return { any: true, allows: () => true };

  const any = /^\s*[*xX]?\s*$/.test(constraint);
  const range = parseVersionRange(any ? '*' : constraint);
  const answers = new Map<string, boolean>();

  return {
    any,
    allows(versionString) {
      const known = answers.get(versionString);
      if (known !== undefined) return known;

      const answer = range?.allows(versionString) ?? false;
      answers.set(versionString, answer);
      return answer;
    },
  };
}
