import { GantryError } from '../../base/error.ts';
import { personOf } from '../../domain/accounts/index.ts';
import {
  type Action,
  defaultPolicy,
  type InterventionPolicy,
  isApproved,
  type Operation,
  strictestPolicy,
} from '../../domain/operations/index.ts';
import { getPolicy } from '../../store/operations/index.ts';
import type { Services } from '../context/index.ts';
import { approvalOf, eligibleReviewers, presentReviewers } from './approvals/request-approval.ts';
import { kindOf } from './changes/index.ts';

/** The policy that an operation must satisfy now: the strictest one that its changes need. */
export async function policyOfOperation(
  services: Services,
  { account, changes }: Pick<Operation, 'account' | 'changes'>,
): Promise<InterventionPolicy> {
  const inForce = async (action: Action) =>
    (await getPolicy(services.db, account, action)) ?? defaultPolicy(action);
  const [first, ...rest] = await Promise.all(
    changes.map((change) => kindOf(change).policy(change, inForce)),
  );
  if (first === undefined) throw new GantryError('internal', 'expected an operation with a change');

  return strictestPolicy([first, ...rest]);
}

/** Throws `policy_denied`. */
export function refuseDenied(operation: Operation, policy: InterventionPolicy): void {
  if (policy.decision !== 'deny') return;
  throw new GantryError(
    'policy_denied',
    `the policy of ${policy.action} denies: ${operation.summary}`,
  );
}

/** Throws `approval_required` if the account has fewer reviewers than the policy needs. */
export async function requireReviewers(
  services: Services,
  operation: Operation,
  { action, quorum, self_approval }: InterventionPolicy,
): Promise<void> {
  const reviewers = await eligibleReviewers(services, operation, { self_approval });
  const people = new Set(reviewers.map(personOf)).size;
  if (people >= quorum) return;

  throw new GantryError(
    'approval_required',
    `${action} needs ${quorum} approval(s): expected as many people with role reviewer${self_approval ? '' : ' besides the requester'} who joined before the request, found ${people}; an admin adds members`,
    { expected: quorum, found: people },
  );
}

/**
 * Throws `approval_required` unless the record of the approval satisfies the policy. The record is
 * read again here, because the input of the execution proves nothing.
 */
export async function requireApproved(
  services: Services,
  operation: Operation,
  policy: InterventionPolicy,
): Promise<void> {
  const approval = await approvalOf(services, operation);
  const asked =
    policy.decision === 'require_approval' ? policy : { quorum: 1, self_approval: true };
  const reviewers = await presentReviewers(services, operation);
  if (approval !== null && isApproved(approval, asked, reviewers)) return;

  throw new GantryError(
    'approval_required',
    `expected ${asked.quorum} approval(s) of present reviewers, as the policy of ${policy.action} requires now, for: ${operation.summary}`,
  );
}
