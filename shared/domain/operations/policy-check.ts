import { type Approval, approvalState } from './approval.ts';
import { decisions, type InterventionPolicy } from './intervention-policy.ts';

/**
 * The policy that is met by what meets every one of them: the strictest decision, and of those that
 * ask for it the highest quorum, self-approval only where each allows it, and the shortest time.
 * Its action is that of the first of them.
 */
export function strictestPolicy(
  policies: readonly [InterventionPolicy, ...InterventionPolicy[]],
): InterventionPolicy {
  const strictness = ({ decision }: InterventionPolicy) => decisions.indexOf(decision);
  const most = Math.max(...policies.map(strictness));
  const strict = policies.filter((policy) => strictness(policy) === most);

  return {
    ...(strict[0] ?? policies[0]),
    quorum: Math.max(...strict.map(({ quorum }) => quorum)),
    self_approval: strict.every(({ self_approval }) => self_approval),
    expires_in_s: Math.min(...strict.map(({ expires_in_s }) => expires_in_s)),
  };
}

/**
 * What a change of a policy meets: both what `policy_change` asks and what the policy that it
 * replaces asks, so that neither is a way round the other. A denied action can be opened again by
 * approval: otherwise it stays denied for ever.
 * @param own the policy of `policy_change`
 * @param replaced the policy in force that would be changed
 */
export function policyOfChange(
  own: InterventionPolicy,
  replaced: InterventionPolicy,
): InterventionPolicy {
  const asked: InterventionPolicy =
    replaced.decision === 'deny' ? { ...replaced, decision: 'require_approval' } : replaced;
  return replaced.action === own.action ? asked : strictestPolicy([own, asked]);
}

/**
 * Whether a request was approved as the policy asks now. Where the policy was tightened while the
 * request waited, in quorum or in whether the requester may approve, the decisions meet it or the
 * request is made again.
 */
export function isApproved(
  approval: Pick<Approval, 'state' | 'decisions' | 'requested_by'>,
  policy: Pick<InterventionPolicy, 'quorum' | 'self_approval'>,
): boolean {
  const counted = approval.decisions.filter(
    ({ reviewer }) => policy.self_approval || reviewer !== approval.requested_by,
  );
  return (
    approval.state === 'approved' &&
    approvalState({ decisions: counted, quorum: policy.quorum }) === 'approved'
  );
}
