import { GantryError } from '../../../base/error.ts';
import { retryConflicts } from '../../../base/retry-conflicts.ts';
import {
  type Account,
  type Caller,
  hasRole,
  type Member,
  mayReview,
  membersIn,
  personOf,
  type SignIn,
} from '../../../domain/accounts/index.ts';
import {
  type Approval,
  aboutOf,
  approvalState,
  type Operation,
} from '../../../domain/operations/index.ts';
import { getAccount, getMember } from '../../../store/accounts/index.ts';
import { createEvent } from '../../../store/event.ts';
import { getOperation, updateApproval } from '../../../store/operations/index.ts';
import { transact } from '../../../store/table/index.ts';
import { completeTask, nowIso, type Services } from '../../context/index.ts';
import { finishOperation } from '../finish-operation.ts';
import { policyOfOperation, refuseFrozen } from '../operation-policy.ts';
import { requireApproval, requireOperation } from '../require-operation.ts';
import { readApprovalLink } from './approval-link.ts';
import { confirmationOf } from './review-approval.ts';
import { presentReviewers } from './reviewers.ts';

interface Verdict {
  decision: 'approve' | 'reject';
  comment: string | null;
}

interface Reviewer {
  member: Member;
  by: 'link' | 'api';
  signed_in_by: SignIn;
}

/**
 * Decides as the member behind the caller, who needs the role reviewer. A token without a member
 * decides nothing: with a second token, one person could request a change and approve it.
 */
export async function decideApproval(
  services: Services,
  caller: Caller,
  input: Verdict & { id: string },
): Promise<Approval> {
  if (!hasRole(caller, 'reviewer'))
    throw new GantryError('forbidden', 'expected the role reviewer');

  const { member_id, signed_in_by } = caller;
  const member =
    member_id === null ? null : await getMember(services.db, caller.account, member_id);
  if (member === null || signed_in_by === null) {
    throw new GantryError(
      'forbidden',
      "expected a member's own token, found one that belongs to no member; a member gets theirs by following the invitation",
    );
  }

  const reviewer: Reviewer = { member, by: 'api', signed_in_by };
  // Two reviewers may decide at the same time: both decisions count.
  return retryConflicts(async () =>
    decide(services, await requireApproval(services, caller.account, input.id), reviewer, input),
  );
}

/**
 * Returns what the page of a mailed link shows. Opening the page decides nothing: mail programs
 * open links too.
 */
export async function openApprovalLink(
  services: Services,
  approvalId: string,
  token: string,
): Promise<{
  approval: Approval;
  operation: Operation;
  account: Account;
  reviewer: Member;
}> {
  const { link, approval } = await readApprovalLink(services, approvalId, token);
  const reviewer = await getMember(services.db, link.account, link.member);
  const operation = await getOperation(services.db, link.account, approval.operation_id);
  const account = await getAccount(services.db, link.account);

  if (
    reviewer === null ||
    !hasRole(reviewer, 'reviewer') ||
    operation === null ||
    account === null
  ) {
    throw new GantryError(
      'approval_link_invalid',
      'the link belongs to a person who is no longer a reviewer',
    );
  }

  if (approval.decisions.some((one) => one.reviewer === `member:${reviewer.id}`)) {
    throw new GantryError(
      'approval_link_used',
      'your decision on this request is already recorded',
    );
  }

  refuseClosed(services, approval);
  return { approval, operation, account, reviewer };
}

/** Decides as the reviewer that the link belongs to. */
export async function decideByLink(
  services: Services,
  approvalId: string,
  token: string,
  { confirmation, ...verdict }: Verdict & { confirmation: string },
): Promise<Approval> {
  return retryConflicts(async () => {
    const { approval, operation, reviewer } = await openApprovalLink(services, approvalId, token);
    await refuseUnconfirmed(services, approval, operation, confirmation);
    return decide(
      services,
      approval,
      { member: reviewer, by: 'link', signed_in_by: 'approval_link' },
      verdict,
    );
  });
}

/** Mail scanners press buttons, and some fill in forms; they do not read what the page shows. */
async function refuseUnconfirmed(
  services: Services,
  approval: Approval,
  operation: Operation,
  found: string,
): Promise<void> {
  const expected = await confirmationOf(services, approval, operation);
  if (found.trim() === expected) return;

  throw new GantryError(
    'confirmation_wrong',
    `expected "${expected}" in the field below the comment, found "${found}"; go back and type it`,
    { field: 'confirmation', found },
  );
}

function refuseClosed(services: Services, approval: Approval): void {
  if (approval.state === 'expired' || Date.parse(approval.expires_at) <= services.now().getTime()) {
    throw new GantryError(
      'approval_expired',
      'the request was not decided in time; the change must be requested again',
    );
  }

  if (approval.state === 'withdrawn')
    throw new GantryError('approval_withdrawn', 'the request was withdrawn');
  if (approval.state !== 'pending') {
    throw new GantryError('approval_decided', `the request is already ${approval.state}`, {
      found: approval.state,
    });
  }
}

/** Throws the coded error for a reviewer whose decision on the request would not count. */
function refuseReviewer(
  { self_approval, requested_by_person, reviewer_groups, concerned, decisions }: Approval,
  { created_at }: Operation,
  member: Member,
): void {
  if (!mayReview(member, created_at)) {
    throw new GantryError(
      'forbidden',
      `expected a reviewer who joined before the request of ${created_at}, found one since ${member.reviewer_since}; withdraw the request and make it again`,
    );
  }

  if (membersIn([member], reviewer_groups).length === 0) {
    const expected = reviewer_groups.join(' and ');
    throw new GantryError(
      'forbidden',
      `expected a reviewer in ${expected}, found one in ${member.groups.join(', ') || 'no group'}; a reviewer in ${expected} decides`,
      { expected: reviewer_groups, found: member.groups },
    );
  }

  const person = personOf(member);
  if (!self_approval && person === requested_by_person) {
    throw new GantryError(
      'self_approval',
      `expected a reviewer other than the person who requested the change; both count as ${person}`,
    );
  }

  if (!self_approval && concerned.includes(member.id)) {
    throw new GantryError(
      'self_approval',
      `expected a reviewer other than ${member.email}, whom the change lets decide more; another reviewer decides`,
    );
  }

  if (decisions.some((one) => one.reviewer === `member:${member.id}` || one.person === person))
    throw new GantryError('approval_decided', 'your decision is already recorded');
}

async function decide(
  services: Services,
  approval: Approval,
  { member, by, signed_in_by }: Reviewer,
  verdict: Verdict,
): Promise<Approval> {
  refuseClosed(services, approval);
  const actor = `member:${member.id}`;
  const operation = await requireOperation(services, approval.account, approval.operation_id);
  refuseReviewer(approval, operation, member);

  const at = nowIso(services);
  const decisions = [
    ...approval.decisions,
    {
      reviewer: actor,
      reviewer_email: member.email,
      decided_at: at,
      by,
      person: personOf(member),
      signed_in_by,
      ...pick(verdict),
    },
  ];

  if (verdict.decision === 'approve') await refuseFrozenApproval(services, operation);

  const reviewers = await presentReviewers(services, operation, approval);
  const state = approvalState({ ...approval, decisions }, reviewers);
  const writes = [
    updateApproval(approval, {
      decisions,
      state,
      ...(state === 'rejected' ? { task_token: null } : {}),
    }),
    createEvent({
      type: 'gantry.approval.decided',
      account: approval.account,
      subject: `approval/${approval.id}`,
      actor,
      at,
      data: {
        decision: verdict.decision,
        by,
        signed_in_by,
        state,
        about: aboutOf(operation),
        operation_id: approval.operation_id,
      },
    }),
  ];

  if (state === 'rejected') {
    const comment = verdict.comment === null ? '' : `: ${verdict.comment}`;
    const message = `rejected by ${member.email}${comment}`;
    await finishOperation(services, operation, { state: 'rejected', code: null, message }, writes);
  } else {
    await transact(services.db, writes);
  }

  if (state !== 'pending' && approval.task_token !== null) {
    // If the execution died, the sweep starts another one, which finds the decision in the record.
    await completeTask(services, approval.task_token, { decision: state });
  }

  return { ...approval, decisions, state };
}

/**
 * Refuses an approval while the change is frozen. It would be refused when it is applied, and the
 * request would be lost; so it waits until the freeze ends.
 */
async function refuseFrozenApproval(services: Services, operation: Operation): Promise<void> {
  refuseFrozen(operation, await policyOfOperation(services, operation), services.now());
}

function pick({ decision, comment }: Verdict): Verdict {
  return { decision, comment };
}
