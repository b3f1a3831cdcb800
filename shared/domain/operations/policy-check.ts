import { type Approval, approvalsCounted } from './approval.ts';
import { windowText } from './freeze-window.ts';
import { decisions, type InterventionPolicy, noGates } from './intervention-policy.ts';
import { differencesOf } from './policy-text.ts';

/**
 * Merges policies so that meeting the result meets all of them. It has the strictest decision. Of
 * the policies with that decision it has the highest quorum, the shortest time, every reviewer
 * group, and self-approval only if each allows it. What does not depend on the decision (soak,
 * freeze windows, attestations) comes from all of them, unless the action is denied anyway. Its
 * action is that of the first one.
 */
export function strictestPolicy(
  policies: readonly [InterventionPolicy, ...InterventionPolicy[]],
): InterventionPolicy {
  const strictness = ({ decision }: InterventionPolicy) => decisions.indexOf(decision);
  const most = Math.max(...policies.map(strictness));
  const strict = policies.filter((policy) => strictness(policy) === most);
  const gated = decisions[most] === 'deny' ? strict : policies;

  return {
    ...(strict[0] ?? policies[0]),
    quorum: Math.max(...strict.map(({ quorum }) => quorum)),
    self_approval: strict.every(({ self_approval }) => self_approval),
    expires_in_s: Math.min(...strict.map(({ expires_in_s }) => expires_in_s)),
    reviewer_groups: unite(
      strict.map(({ reviewer_groups }) => reviewer_groups),
      String,
    ),
    min_soak_s: Math.max(...gated.map(({ min_soak_s }) => min_soak_s)),
    freeze_windows: unite(
      gated.map(({ freeze_windows }) => freeze_windows),
      windowText,
    ),
    required_attestations: unite(
      gated.map((one) => one.required_attestations),
      String,
    ),
    required_builders: unite(
      gated.map((one) => one.required_builders),
      String,
    ),
    required_sources: unite(
      gated.map((one) => one.required_sources),
      String,
    ),
  };
}

/**
 * The policy of an operation whose compositions found more that needs one. An operation that is
 * applied first and reviewed afterwards waits for nothing that they found.
 */
export function policyWithFound(
  policies: readonly [InterventionPolicy, ...InterventionPolicy[]],
  found: readonly InterventionPolicy[],
  { isReviewedAfterwards }: { isReviewedAfterwards: boolean },
): InterventionPolicy {
  const [first, ...rest] = policies;
  return strictestPolicy([
    first,
    ...rest,
    ...(isReviewedAfterwards ? found.map(reviewedAfterwards) : found),
  ]);
}

/** A policy for what is applied first, also in a freeze. What is denied stays denied. */
export function reviewedAfterwards(policy: InterventionPolicy): InterventionPolicy {
  const decision = policy.decision === 'deny' ? 'deny' : 'allow';
  return { ...policy, decision, freeze_windows: [] };
}

function unite<One>(lists: readonly One[][], name: (one: One) => string): One[] {
  return [...new Map(lists.flat().map((one) => [name(one), one])).values()];
}

/**
 * The policy for a change of a policy. It asks for what `policy_change` asks and what the replaced
 * policy asks of reviewers, so that neither can be bypassed. Approval can open a denied or frozen
 * action again; otherwise it would stay so forever.
 * @param own the policy of `policy_change`
 * @param replaced the policy in force that would be changed
 */
export function policyOfChange(
  own: InterventionPolicy,
  replaced: InterventionPolicy,
): InterventionPolicy {
  const asked: InterventionPolicy =
    replaced.decision === 'deny' ? { ...replaced, decision: 'require_approval' } : replaced;
  const merged = replaced.action === own.action ? asked : strictestPolicy([own, asked]);
  const { reviewer_groups } = merged;
  return { ...merged, ...noGates, reviewer_groups };
}

/**
 * True if a request was approved as the policy asks now. If the quorum or the rule of self-approval
 * was tightened while the request waited, or a reviewer left, the decisions must meet the new
 * policy, or the request must be made again.
 * @param reviewers those who may decide on the request now, as `member:<id>`
 */
export function isApproved(
  approval: Pick<Approval, 'state' | 'decisions' | 'requested_by_person'>,
  policy: Pick<InterventionPolicy, 'quorum' | 'self_approval'>,
  reviewers: ReadonlySet<string>,
): boolean {
  return (
    approval.state === 'approved' && approvalsCounted(approval, policy, reviewers) >= policy.quorum
  );
}

/**
 * True if the new policy asks for less than the old one in any respect: then it differs from the
 * strictest of both.
 */
export function loosensPolicy(was: InterventionPolicy, now: InterventionPolicy): boolean {
  return differencesOf(strictestPolicy([now, was]), now).length > 0;
}
