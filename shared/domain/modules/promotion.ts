import type { PromotionState } from './version.ts';

/** The way of a version to the live track. A request may name any later state of it. */
const way: readonly PromotionState[] = ['built', 'staging', 'blessed', 'live'];

/**
 * Where a version may go from each state (product.md, section 8):
 *
 *     built ─▶ staging ─▶ blessed ─▶ live        each of them ─▶ retired
 *       ▲─────────┘ undo                          retired ─▶ built restores
 */
const targets: Record<PromotionState, readonly PromotionState[]> = {
  built: ['staging', 'blessed', 'live', 'retired'],
  staging: ['built', 'blessed', 'live', 'retired'],
  blessed: ['live', 'retired'],
  live: ['retired'],
  retired: ['built'],
};

/** The states that `from` can go to, for error sentences. */
export function promotionTargets(from: PromotionState): readonly PromotionState[] {
  return targets[from];
}

/**
 * The states that a promotion passes through, the last one included: from built to live they are
 * staging, blessed and live. Empty if the promotion is not allowed.
 */
export function promotionSteps(from: PromotionState, to: PromotionState): PromotionState[] {
  if (!targets[from].includes(to)) return [];

  // `retired` is at -1, before `built`.
  const [start, end] = [way.indexOf(from), way.indexOf(to)];
  return end < start ? [to] : way.slice(start + 1, end + 1);
}
