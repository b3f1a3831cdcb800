import { GantryError } from '../../../base/error.ts';
import { retryConflicts } from '../../../base/retry-conflicts.ts';
import { type Account, type Caller, hasRole, type Member } from '../../../domain/accounts/index.ts';
import { type Approval, approvalState, type Operation } from '../../../domain/operations/index.ts';
import { getAccount, getMember } from '../../../store/accounts/index.ts';
import { createEvent } from '../../../store/event.ts';
import { getOperation, updateApproval } from '../../../store/operations/index.ts';
import { transact } from '../../../store/table/index.ts';
import { completeTask, nowIso, type Services } from '../../context/index.ts';
import { finishOperation } from '../finish-operation.ts';
import { requireApproval, requireOperation } from '../require-operation.ts';
import { readApprovalLink } from './approval-link.ts';
import { personOf } from './request-approval.ts';
import { confirmationOf } from './review-approval.ts';

interface Verdict {
  decision: 'approve' | 'reject';
  comment: string | null;
}

interface Reviewer {
  /** `member:<id>` or `token:<id>`. */
  actor: string;
  email: string;
  by: 'link' | 'api';
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

  const member =
    caller.member_id === null
      ? null
      : await getMember(services.db, caller.account, caller.member_id);
  if (member === null) {
    throw new GantryError(
      'forbidden',
      "expected a member's own token, found one that belongs to no member; an admin creates tokens for members",
    );
  }

  const reviewer: Reviewer = { actor: `member:${member.id}`, email: member.email, by: 'api' };
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
  requester: string;
}> {
  const link = await readApprovalLink(services, approvalId, token);
  const approval = await requireApproval(services, link.account, approvalId);
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
  const requester = await personOf(services, link.account, approval.requested_by);
  return { approval, operation, account, reviewer, requester };
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
      { actor: `member:${reviewer.id}`, email: reviewer.email, by: 'link' },
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

async function decide(
  services: Services,
  approval: Approval,
  reviewer: Reviewer,
  verdict: Verdict,
): Promise<Approval> {
  refuseClosed(services, approval);
  if (!approval.self_approval && reviewer.actor === approval.requested_by) {
    throw new GantryError(
      'self_approval',
      'expected a reviewer other than the person who requested the change',
    );
  }

  if (approval.decisions.some((one) => one.reviewer === reviewer.actor)) {
    throw new GantryError('approval_decided', 'your decision is already recorded');
  }

  const at = nowIso(services);
  const decisions = [
    ...approval.decisions,
    {
      reviewer: reviewer.actor,
      reviewer_email: reviewer.email,
      decided_at: at,
      by: reviewer.by,
      ...pick(verdict),
    },
  ];

  const state = approvalState({ decisions, quorum: approval.quorum });
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
      actor: reviewer.actor,
      at,
      data: {
        decision: verdict.decision,
        by: reviewer.by,
        state,
        operation_id: approval.operation_id,
      },
    }),
  ];

  const operation = await requireOperation(services, approval.account, approval.operation_id);
  if (state === 'rejected') {
    const comment = verdict.comment === null ? '' : `: ${verdict.comment}`;
    const message = `rejected by ${reviewer.email}${comment}`;
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

function pick({ decision, comment }: Verdict): Verdict {
  return { decision, comment };
}
