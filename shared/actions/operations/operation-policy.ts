import { GantryError } from '../../base/error.ts';
import { personOf } from '../../domain/accounts/index.ts';
import {
  defaultPolicy,
  freezeAt,
  type InterventionPolicy,
  isApproved,
  type Operation,
  policyWithFound,
  windowText,
} from '../../domain/operations/index.ts';
import { getPolicy } from '../../store/operations/index.ts';
import type { Services } from '../context/index.ts';
import { approvalOf } from './approvals/request-approval.ts';
import { eligibleReviewers, presentReviewers } from './approvals/reviewers.ts';
import type { PolicyInForce } from './changes/change-kind.ts';
import { kindOf } from './changes/index.ts';
import { foundActions } from './found-actions.ts';
import type { ReadChange } from './operation-writes.ts';

/** Reads the policies of an account, with the defaults of those that have no row. */
export function policiesInForce({ db }: Services, account: string): PolicyInForce {
  return async (action) => (await getPolicy(db, account, action)) ?? defaultPolicy(action);
}

/**
 * The policy that an operation must satisfy now: the strictest one that its changes need, and what
 * its compositions found (`foundActions`).
 */
export async function policyOfOperation(
  services: Services,
  { account, id, changes }: Pick<Operation, 'account' | 'id' | 'changes'>,
): Promise<InterventionPolicy> {
  const inForce = policiesInForce(services, account);
  const [policies, found] = await Promise.all([
    Promise.all(changes.map((change) => kindOf(change).policy(change, inForce))),
    foundActions(services, { account, id }),
  ]);
  const [first, ...rest] = policies;
  if (first === undefined) throw new GantryError('internal', 'expected an operation with a change');

  return policyWithFound([first, ...rest], await Promise.all(found.map(inForce)), {
    isReviewedAfterwards: changes.every(
      (change) => kindOf(change).isReviewedAfterwards?.(change) === true,
    ),
  });
}

/** Throws `policy_denied`. */
export function refuseDenied(
  operation: Pick<Operation, 'summary'>,
  policy: InterventionPolicy,
): void {
  if (policy.decision !== 'deny') return;
  throw new GantryError(
    'policy_denied',
    `the policy of ${policy.action} denies: ${operation.summary}`,
  );
}

/**
 * Throws what the policies say besides approval: `frozen`, `soak_unfinished` or
 * `attestation_missing`.
 * @param read the changes with their rows as they are now
 */
export async function refuseGated(
  services: Services,
  operation: Pick<Operation, 'account' | 'summary'>,
  policy: InterventionPolicy,
  read: readonly ReadChange[],
): Promise<void> {
  const now = services.now();
  refuseFrozen(operation, policy, now);

  const inForce = policiesInForce(services, operation.account);
  for (const { change, rows } of read) await kindOf(change).meet?.(change, rows, inForce, now);
}

/** Throws `frozen` in a freeze window of the policy. */
export function refuseFrozen(
  { summary }: Pick<Operation, 'summary'>,
  { action, freeze_windows }: InterventionPolicy,
  now: Date,
): void {
  const freeze = freezeAt(freeze_windows, now);
  if (freeze === null) return;

  const { ends_at } = freeze;
  const next =
    ends_at === null
      ? 'until an admin changes the policy'
      : `until ${ends_at}. Request it again then`;
  const hurry = action === 'module_rollback' ? ', or roll back with --break-glass' : '';

  throw new GantryError(
    'frozen',
    `the policy of ${action} freezes this change ${next}${hurry}: ${summary}`,
    { expected: ends_at, found: freeze_windows.map(windowText) },
  );
}

/** Throws `approval_required` if the account has fewer reviewers than the policy needs. */
export async function requireReviewers(
  services: Services,
  operation: Operation,
  policy: InterventionPolicy,
): Promise<void> {
  const { action, quorum, self_approval, reviewer_groups } = policy;
  const reviewers = await eligibleReviewers(services, operation, policy);
  const people = new Set(reviewers.map(personOf)).size;
  if (people >= quorum) return;

  const groups = reviewer_groups.length === 0 ? '' : ` in ${reviewer_groups.join(' and ')}`;
  const besides = self_approval ? '' : ' besides the requester';

  throw new GantryError(
    'approval_required',
    `${action} needs ${approvalsText(quorum)}: expected ${quorum} ${quorum === 1 ? 'reviewer' : 'reviewers'}${groups}${besides}, found ${people}. Add reviewers first (gantry member add <e-mail> --role reviewer), then request it again: they decide only on later requests`,
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
    policy.decision === 'require_approval'
      ? policy
      : { quorum: 1, self_approval: true, reviewer_groups: [] };
  const reviewers = await presentReviewers(services, operation, asked);
  if (approval !== null && isApproved(approval, asked, reviewers)) return;

  throw new GantryError(
    'approval_required',
    `expected ${approvalsText(asked.quorum)} of present reviewers, as the policy of ${policy.action} requires now, for: ${operation.summary}`,
  );
}

function approvalsText(quorum: number): string {
  return `${quorum} approval${quorum === 1 ? '' : 's'}`;
}
