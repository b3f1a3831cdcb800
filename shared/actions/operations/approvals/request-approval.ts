import { isGantryError } from '../../../base/error.ts';
import { limits } from '../../../base/limits/index.ts';
import { type Member, mayReview, membersIn, personOf } from '../../../domain/accounts/index.ts';
import type { VersionApproval } from '../../../domain/modules/index.ts';
import type { Approval, InterventionPolicy, Operation } from '../../../domain/operations/index.ts';
import { aboutOf, factText, finalOperationStates } from '../../../domain/operations/index.ts';
import { getRoster, reviewersOf } from '../../../store/accounts/index.ts';
import { createEvent } from '../../../store/event.ts';
import {
  createApproval,
  getApproval,
  updateApproval,
  updateOperation,
} from '../../../store/operations/index.ts';
import { transact } from '../../../store/table/index.ts';
import { later, nowIso, type Services, sendMail } from '../../context/index.ts';
import { nameOf } from '../name-of.ts';
import { readChanges } from '../operation-writes.ts';
import { approvalLink } from './approval-link.ts';
import { presentChange } from './review-change.ts';

/**
 * The members who may decide on a request of that time, as `member:<id>`.
 * @param asked whose groups they must be in
 */
export async function presentReviewers(
  services: Services,
  { account, created_at }: Pick<Operation, 'account' | 'created_at'>,
  asked: Pick<InterventionPolicy, 'reviewer_groups'>,
): Promise<Set<string>> {
  const members = await reviewersOf(services.db, await getRoster(services.db, account));
  const reviewers = membersIn(members, asked.reviewer_groups).filter((member) =>
    mayReview(member, created_at),
  );
  return new Set(reviewers.map(({ id }) => `member:${id}`));
}

/**
 * Returns the members who may decide on an operation: those of the policy's groups who were
 * reviewers before it was requested, and the person who requested it only with self-approval.
 */
export async function eligibleReviewers(
  services: Services,
  operation: Operation,
  policy: Pick<InterventionPolicy, 'self_approval' | 'reviewer_groups'>,
): Promise<Member[]> {
  const members = await reviewersOf(services.db, await getRoster(services.db, operation.account));
  return membersIn(members, policy.reviewer_groups).filter(
    (member) =>
      mayReview(member, operation.created_at) &&
      (policy.self_approval || personOf(member) !== operation.requested_by_person),
  );
}

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
      const written = { ...existing, task_token, revision: existing.revision + 1 };
      await mailAll(services, operation, written, policy);
    }
    return null;
  }

  const at = nowIso(services);
  const approval: Approval = {
    account: operation.account,
    id,
    operation_id: operation.id,
    actions: operation.actions,
    summary: operation.summary,
    requested_by: operation.requested_by,
    requested_by_person: operation.requested_by_person,
    state: 'pending',
    quorum: policy.quorum,
    self_approval: policy.self_approval,
    reviewer_groups: policy.reviewer_groups,
    decisions: [],
    task_token,
    mailed_at: null,
    revision: 1,
    expires_at: later(services, policy.expires_in_s),
    created_at: at,
  };

  await transact(services.db, [
    createApproval(approval),
    updateOperation(operation, { state: 'awaiting_approval', approval_id: id, updated_at: at }),
    createEvent({
      type: 'gantry.operation.awaiting_approval',
      account: operation.account,
      subject: `operation/${operation.id}`,
      actor: 'gantry:promote',
      at,
      data: {
        actions: operation.actions,
        summary: operation.summary,
        about: aboutOf(operation),
        approval_id: id,
      },
    }),
  ]);

  await mailAll(services, operation, approval, policy);
  return null;
}

/** Mails each reviewer. If one address fails, the other reviewers can still decide. */
async function mailAll(
  services: Services,
  operation: Operation,
  approval: Approval,
  policy: InterventionPolicy,
): Promise<void> {
  const requester = await nameOf(services, approval.account, approval.requested_by);
  const reviewers = await eligibleReviewers(services, operation, policy);
  const facts = await factsOf(services, operation);
  const sent = await Promise.allSettled(
    reviewers.map((one) => mail(services, approval, one, { requester, facts })),
  );
  const failures = sent.filter((one) => one.status === 'rejected');
  if (failures.length > 0 && failures.length === sent.length) throw failures[0]?.reason;

  try {
    await transact(services.db, [updateApproval(approval, { mailed_at: nowIso(services) })]);
  } catch (error) {
    // A reviewer decided before `mailed_at` was written.
    if (!isGantryError(error, 'conflict')) throw error;
  }
}

/**
 * The old and the new value of what the changes set, a line each. Rows that cannot be read any more
 * do not stop the mail: the page says so.
 */
async function factsOf(services: Services, operation: Operation): Promise<string[]> {
  try {
    const changes = operation.changes.slice(0, limits.reviewedChangesMax);
    const read = await readChanges(services, { account: operation.account, changes });
    const shown = read.map(({ change, rows }) => presentChange(change, rows));
    const lines = shown.flatMap(({ facts, warnings }) => [...warnings, ...facts.map(factText)]);
    return lines.map((line) => line.replaceAll(/\p{Cc}/gu, ' ').slice(0, limits.mailedFactMax));
  } catch (error) {
    if (!isGantryError(error)) throw error;
    return [];
  }
}

async function mail(
  services: Services,
  approval: Approval,
  reviewer: Member,
  { requester, facts }: { requester: string; facts: string[] },
): Promise<void> {
  const link = await approvalLink(services, approval, reviewer.id);
  const text = [
    `Hello ${reviewer.name},`,
    '',
    `account "${approval.account}" needs your approval:`,
    '',
    `    ${approval.summary}`,
    ...facts.map((fact) => `      ${fact}`),
    '',
    `Requested by ${requester}. Expires at ${approval.expires_at}.`,
    'This link opens a page with the details. Opening it decides nothing.',
    '',
    link,
    '',
    'The link is personal and works once. Do not share it.',
  ];

  await sendMail(services, {
    to: reviewer.email,
    subject: `Approval requested: ${approval.summary}`,
    text,
  });
}
