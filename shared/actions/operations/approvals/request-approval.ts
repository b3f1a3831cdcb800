import type { VersionApproval } from '../../../domain/modules/index.ts';
import type { Approval, InterventionPolicy, Operation } from '../../../domain/operations/index.ts';
import { aboutOf, finalOperationStates } from '../../../domain/operations/index.ts';
import { createEvent } from '../../../store/event.ts';
import {
  createApproval,
  getApproval,
  updateApproval,
  updateOperation,
} from '../../../store/operations/index.ts';
import { transact } from '../../../store/table/index.ts';
import { later, nowIso, type Services } from '../../context/index.ts';
import { foundActions } from '../found-actions.ts';
import { nameOf } from '../name-of.ts';
import { mailReviewers } from './mail-reviewers.ts';
import { concernedBy } from './reviewers.ts';

/** An operation has at most one approval, so its id follows from the operation's. */
function approvalId(operation: Operation): string {
  return operation.id.replace(/^op_/, 'apr_');
}

/** An operation's own approval, or null. The approval of another operation does not count. */
export async function approvalOf(
  services: Services,
  operation: Operation,
): Promise<Approval | null> {
  const id = approvalId(operation);
  return operation.approval_id === id
    ? await getApproval(services.db, operation.account, id)
    : null;
}

/** The members who approved an operation, as versions keep them. */
export async function approversOf(
  services: Services,
  operation: Operation,
): Promise<Pick<VersionApproval, 'operation_id' | 'reviewer' | 'decided_at'>[]> {
  const approval = await approvalOf(services, operation);
  return (approval?.decisions ?? [])
    .filter(({ decision }) => decision === 'approve')
    .map(({ reviewer_email, decided_at }) => ({
      operation_id: operation.id,
      reviewer: reviewer_email,
      decided_at,
    }));
}

/**
 * Opens the request for approval, keeps the waiting task's token and mails each reviewer a link of
 * their own. A second execution only replaces the token. Returns the decision if there is one
 * already.
 */
export async function askReviewers(
  services: Services,
  operation: Operation,
  policy: InterventionPolicy,
  task_token: string,
): Promise<'approved' | 'rejected' | 'withdrawn' | null> {
  if (finalOperationStates.includes(operation.state))
    return operation.state === 'rejected' ? 'rejected' : 'withdrawn';

  const id = approvalId(operation);
  const existing = await getApproval(services.db, operation.account, id);

  if (existing !== null) {
    if (existing.state === 'approved' || existing.state === 'rejected') return existing.state;
    if (existing.state !== 'pending') return 'withdrawn';

    await transact(services.db, [updateApproval(existing, { task_token })]);
    if (existing.mailed_at === null) {
      await mailReviewers(services, operation, existing);
    }
    return null;
  }

  const at = nowIso(services);
  const found = await foundActions(services, operation);
  const actions = [...new Set([...operation.actions, ...found])];
  const approval: Approval = {
    account: operation.account,
    id,
    operation_id: operation.id,
    actions,
    summary: operation.summary,
    requested_by: operation.requested_by,
    requester: await nameOf(services, operation.account, operation.requested_by),
    requested_by_person: operation.requested_by_person,
    state: 'pending',
    quorum: policy.quorum,
    self_approval: policy.self_approval,
    reviewer_groups: policy.reviewer_groups,
    concerned: concernedBy(operation.changes),
    decisions: [],
    task_token,
    mailed_at: null,
    unmailed: [],
    reminders: 0,
    requested_at: operation.created_at,
    revision: 1,
    expires_at: later(services, policy.expires_in_s),
    created_at: at,
  };

  await transact(services.db, [
    createApproval(approval),
    updateOperation(operation, {
      state: 'awaiting_approval',
      approval_id: id,
      actions,
      updated_at: at,
    }),
    createEvent({
      type: 'gantry.operation.awaiting_approval',
      account: operation.account,
      subject: `operation/${operation.id}`,
      actor: 'gantry:promote',
      at,
      data: {
        actions,
        summary: operation.summary,
        about: aboutOf(operation),
        approval_id: id,
      },
    }),
  ]);

  await mailReviewers(services, operation, approval);
  return null;
}
