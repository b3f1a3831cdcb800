import { type Approval, approvalState } from './approval.ts';
import type { InterventionPolicy } from './intervention-policy.ts';

/**
 * What a change of a policy meets: both what `policy_change` asks and what the policy that it replaces asks, so that
 * neither is a way round the other. A denied action is opened again by approval: otherwise nobody ever could.
 * @param own the policy of `policy_change`
 * @param replaced the policy in force that would be changed
 */
export function policyOfChange(
  own: InterventionPolicy,
  replaced: InterventionPolicy,
): InterventionPolicy {
  const asked: InterventionPolicy =
    replaced.decision === 'deny' ? { ...replaced, decision: 'require_approval' } : replaced;
  if (replaced.action === own.action) return asked;
  if (own.decision === 'deny' || asked.decision === 'allow') return own;
  if (own.decision === 'allow') return asked;
  return {
    ...own,
    quorum: Math.max(own.quorum, asked.quorum),
    self_approval: own.self_approval && asked.self_approval,
    expires_in_s: Math.min(own.expires_in_s, asked.expires_in_s),
  };
}

/**
 * Whether a request was approved, and as the policy asks by now: one that was tightened while it waited, in quorum or in
 * whether the one who asked may approve, is met by what was decided, or the request is made again.
 */
export function isApproved(
  approval: Pick<Approval, 'state' | 'decisions' | 'requested_by'>,
  policy: Pick<InterventionPolicy, 'quorum' | 'self_approval'>,
): boolean {
  const decisions = approval.decisions.filter(
    ({ reviewer }) => policy.self_approval || reviewer !== approval.requested_by,
  );
  return (
    approval.state === 'approved' &&
    approvalState({ decisions, quorum: policy.quorum }) === 'approved'
  );
}
