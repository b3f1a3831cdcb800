import type { PromotionState } from '../modules/index.ts';
import type { Track } from '../templates/index.ts';

/**
 * What a composition does with an assigned module. `offered`: the track has versions of it.
 * `never_there`: it has none, and no machine has one either. `kept_out`: no machine has it, and its
 * account, another one, offers it only since the template was changed last. `given_up`: its account
 * took the last version away by name. `lost`: machines have a version and the track offers none any
 * more.
 */
export const presences = ['offered', 'never_there', 'kept_out', 'given_up', 'lost'] as const;

export type Presence = (typeof presences)[number];

/**
 * Judges an assigned module by the versions that a track offers and by the composition in place.
 * A module that is `lost` makes composing fail, so that nothing disappears from machines silently
 * (product.md, section 7). One without versions is otherwise left out of the composition.
 */
export function presenceOf({
  choices,
  inPlace,
  keptOut,
  givenUp,
}: {
  /** How many versions the track has, withheld ones included. */
  choices: number;
  /** Whether the composition in place has the module. */
  inPlace: boolean;
  /** Whether its account offers versions that the template's account did not let in. */
  keptOut: boolean;
  givenUp: boolean;
}): Presence {
  if (choices > 0) return 'offered';
  if (!inPlace) return keptOut ? 'kept_out' : 'never_there';
  return givenUp ? 'given_up' : 'lost';
}

/**
 * Whether an account gave up the version that machines of a track have: it withdrew the version by
 * name, or took it off the track staging, where versions are only tried out.
 */
export function isGivenUp(
  version: { promotion_state: PromotionState; withdrawn?: boolean },
  track: Track,
): boolean {
  if (version.withdrawn === true) return true;
  return track === 'staging' && ['retired', 'built'].includes(version.promotion_state);
}
