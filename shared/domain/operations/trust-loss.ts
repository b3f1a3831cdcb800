import type { PromotionState } from '../modules/index.ts';
import type { Track } from '../templates/index.ts';

/** A version that a change of trust would quarantine. */
export interface TrustLoss {
  version_id: string;
  version: string;
  promotion_state: PromotionState;
  /** Why its signatures would not satisfy the policy. */
  code: string | null;
  message: string | null;
  /** Compositions of the account that have it. */
  uses: ({ template_id: string } & Use)[];
}

interface Use {
  template: string;
  track: Track;
  machines: number;
}

export interface TrustLosses {
  losses: TrustLoss[];
  /** Older versions that were not judged. */
  not_judged: number;
}

const usesShown = 5;

/**
 * Chooses the versions that are judged: all that compositions use, however old, then the newest.
 * @param versions newest first
 */
export function chooseJudged<One extends { id: string }>(
  versions: readonly One[],
  used: ReadonlySet<string>,
  most: number,
): One[] {
  const inUse = versions.filter(({ id }) => used.has(id));
  const others = versions.filter(({ id }) => !used.has(id));
  return [...inUse, ...others.slice(0, Math.max(0, most - inUse.length))];
}

/** The versions that would be quarantined, with the compositions that use them, in one sentence. */
export function describeLosses(module: string, losses: readonly TrustLoss[]): string {
  const versions = losses.map(({ version }) => `${module} ${version}`).join(', ');
  const uses = losses.flatMap((loss) => loss.uses);
  const named = uses.map(describeUse);

  const more = named.length - usesShown;
  const places = `${named.slice(0, usesShown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return `by the signatures that Gantry keeps, the change would quarantine ${versions}, in use by ${places}`;
}

/** A composition that has a version, in words: `template web (live, 1 machine)`. */
export function describeUse({ template, track, machines }: Use): string {
  return `template ${template} (${track}, ${machines} ${machines === 1 ? 'machine' : 'machines'})`;
}
