import { countReviewers, type Member, membersIn } from '../accounts/index.ts';
import type { Action, InterventionPolicy } from './intervention-policy.ts';

/** How many people may approve what a policy asks: reviewers of its groups. */
export function countEligible(
  { reviewer_groups }: Pick<InterventionPolicy, 'reviewer_groups'>,
  reviewers: readonly Member[],
): number {
  return countReviewers(membersIn(reviewers, reviewer_groups));
}

/** True if a policy asks for more approvals than there are people who may review. */
function asksTooMuch(policy: InterventionPolicy, reviewers: readonly Member[]): boolean {
  const { decision, quorum } = policy;
  return decision === 'require_approval' && quorum > countEligible(policy, reviewers);
}

/**
 * True if a change of a policy asks for more approvals than there are people who may review, and
 * for more than the policy asked before. A lower quorum or fewer groups than before are a way
 * forward.
 */
export function isUnmeetable(
  was: InterventionPolicy,
  now: InterventionPolicy,
  reviewers: readonly Member[],
): boolean {
  const asksMore =
    was.decision !== 'require_approval' ||
    now.quorum > was.quorum ||
    now.reviewer_groups.some((group) => !was.reviewer_groups.includes(group));
  return asksTooMuch(now, reviewers) && asksMore;
}

/**
 * The actions whose policies ask for more people than there would be, and do not yet.
 * @param reviewers those before and after a change
 */
export function unmeetableBy(
  policies: readonly InterventionPolicy[],
  reviewers: { before: readonly Member[]; after: readonly Member[] },
): Action[] {
  return policies
    .filter(
      (policy) => asksTooMuch(policy, reviewers.after) && !asksTooMuch(policy, reviewers.before),
    )
    .map(({ action }) => action);
}
