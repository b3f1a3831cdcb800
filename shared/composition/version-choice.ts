import semver from 'semver';
import type { Version } from '../domain/modules/index.ts';
import { compareVersions } from '../domain/modules/index.ts';
import type { Track } from '../domain/templates/index.ts';

/**
 * How a version stands on a track: `offered`: handed out; `withheld`: it would be, but is
 * quarantined; `superseded`: it was live once and is handed out where a constraint asks for it,
 * that is, names versions among which no live one is.
 */
export type Standing = 'offered' | 'withheld' | 'superseded';

/** A version that a resolution may come upon. */
export interface VersionChoice {
  id: string;
  version_string: string;
  standing: Standing;
}

/**
 * The versions of one module that concern a track (product.md, section 9), in the order in which
 * they are preferred: offered ones, withheld ones, superseded ones, each newest first.
 *
 * - `live`: live versions; of a module that never had a live version, blessed ones instead. Once there was a live one,
 *   versions that are merely blessed are no longer a choice.
 * - `staging`: staging, blessed and live versions alike.
 *
 * `built`, `retired` and quarantined versions are never handed out.
 */
export function versionChoices<V extends Version>(
  versions: Iterable<V>,
  track: Track,
): (VersionChoice & { of: V })[] {
  const all = [...versions].sort((a, b) => compareVersions(b, a));
  const hadLive = all.some((version) => version.was_live || version.promotion_state === 'live');

  const choices = all.flatMap((version) => {
    const standing = findStanding(version, track, hadLive);
    return standing === null
      ? []
      : [{ id: version.id, version_string: version.version_string, standing, of: version }];
  });

  return preference.flatMap((standing) => choices.filter((choice) => choice.standing === standing));
}

const preference: readonly Standing[] = ['offered', 'withheld', 'superseded'];

function findStanding(version: Version, track: Track, hadLive: boolean): Standing | null {
  const state = version.promotion_state;
  if (state === 'built' || state === 'retired') return null;

  const standing = version.quarantined ? 'withheld' : 'offered';
  if (track === 'staging' || state === 'live') return standing;
  if (state !== 'blessed') return null;
  if (!hadLive) return standing;

  return version.was_live && !version.quarantined ? 'superseded' : null;
}

/**
 * The version of a single module that a track gives for a constraint (npm-style semver range; null,
 * `*` and the empty text mean any version, pre-releases included), or null where there is none. A
 * quarantined live version is not replaced by a superseded one that satisfies the same constraint:
 * nothing goes back by itself.
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

/** A constraint ready to be asked. */
export interface ParsedConstraint {
  /** Every version will do, so nothing in particular is asked for. */
  any: boolean;
  allows(versionString: string): boolean;
}

/**
 * Parses a constraint; one that is no semver range allows nothing (manifests and requests are
 * checked where they enter). Answers are remembered: a resolution asks the same again and again.
 */
export function parseConstraint(constraint: string | null): ParsedConstraint {
  if (constraint === null || /^\s*[*xX]?\s*$/.test(constraint))
    return { any: true, allows: () => true };

  const range = semver.validRange(constraint) === null ? null : new semver.Range(constraint);
  const answers = new Map<string, boolean>();

  return {
    any: false,
    allows(versionString) {
      const known = answers.get(versionString);
      if (known !== undefined) return known;

      const answer = range?.test(versionString) ?? false;
      answers.set(versionString, answer);
      return answer;
    },
  };
}
