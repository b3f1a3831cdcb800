import { gantryPerson } from '../accounts/index.ts';
import type { PromotionState } from '../modules/index.ts';
import { isOfType } from '../signatures/index.ts';
import type { InterventionPolicy } from './intervention-policy.ts';
import type { Operation } from './operation.ts';

/** A step of a promotion, with the policy that it meets. */
export interface PromotionStep {
  to: PromotionState;
  policy: Pick<InterventionPolicy, 'min_soak_s' | 'required_attestations'>;
}

/** Why a version has not soaked: the step that it is too early for. */
export interface UnfinishedSoak {
  /** The state that the version must have been in. */
  in_state: PromotionState;
  to: PromotionState;
  min_soak_s: number;
  /** When it will have been there long enough; null while it is not in that state. */
  ends_at: string | null;
}

/**
 * The first step of a promotion whose soak is not over; null if there is none. A state that the
 * promotion passes through was never soaked in.
 */
export function unfinishedSoak(
  version: { promotion_state: PromotionState; state_changed_at: string },
  steps: readonly PromotionStep[],
  now: Date,
): UnfinishedSoak | null {
  let in_state = version.promotion_state;

  for (const [index, { to, policy }] of steps.entries()) {
    const { min_soak_s } = policy;
    const ends = index === 0 ? Date.parse(version.state_changed_at) + min_soak_s * 1000 : null;
    if (min_soak_s > 0 && (ends === null || now.getTime() < ends)) {
      const ends_at = ends === null ? null : new Date(ends).toISOString();
      return { in_state, to, min_soak_s, ends_at };
    }
    in_state = to;
  }

  return null;
}

/** The required predicate types that no verified attestation of a version has. */
export function missingAttestations(
  required: readonly string[],
  carried: readonly string[],
): string[] {
  return required.filter((wanted) => !carried.some((found) => isOfType(found, wanted)));
}

/**
 * True for a request that a freeze does not refuse: it waits, and reviewers let it through
 * afterwards. That is one which waits already, or which Gantry makes by itself: nobody would make
 * it again after the freeze.
 */
export function waitsThroughFreeze(
  { approval_id, requested_by_person }: Pick<Operation, 'approval_id' | 'requested_by_person'>,
  { decision }: Pick<InterventionPolicy, 'decision'>,
): boolean {
  const byGantry = requested_by_person === gantryPerson && decision === 'require_approval';
  return approval_id !== null || byGantry;
}
