import { mapConcurrently } from '../../../base/concurrency.ts';
import { cutText } from '../../../base/cut-text.ts';
import { isGantryError } from '../../../base/error.ts';
import { limits } from '../../../base/limits/index.ts';
import { makeLogger } from '../../../base/log.ts';
import { retryConflicts } from '../../../base/retry-conflicts.ts';
import type { Member } from '../../../domain/accounts/index.ts';
import {
  type Approval,
  dueReminders,
  factText,
  type Operation,
  privilegeLines,
  warnUnshown,
} from '../../../domain/operations/index.ts';
import { getApproval, updateApproval } from '../../../store/operations/index.ts';
import { transact } from '../../../store/table/index.ts';
import { nowIso, type Services, sendMail } from '../../context/index.ts';
import { kindOf } from '../changes/index.ts';
import { findingsOf } from '../found-actions.ts';
import { readChanges } from '../operation-writes.ts';
import { reviewedPrivileges } from '../trial-privileges.ts';
import { approvalLink } from './approval-link.ts';
import { undecidedReviewers } from './reviewers.ts';

const logger = makeLogger('mail');

/**
 * Mails every reviewer who may decide and has not, and notes that. Mail is a notification: a
 * request waits in the inbox whether or not mail can be sent. An address that fails is noted.
 */
export async function mailReviewers(
  services: Services,
  operation: Operation,
  approval: Approval,
): Promise<void> {
  const unmailed = await mailEach(services, operation, approval, 'Approval requested');
  await note(services, approval, { mailed_at: nowIso(services), unmailed });
}

/**
 * Reminds the reviewers of a request that waits, if a reminder is due. It is noted first, so that
 * two sweeps remind once. If no mail could be sent, the next sweep tries again.
 */
export async function remindReviewers(
  services: Services,
  operation: Operation,
  approval: Approval,
): Promise<void> {
  const due = dueReminders(approval, services.now());
  if (approval.state !== 'pending' || due <= approval.reminders) return;
  await transact(services.db, [updateApproval(approval, { reminders: due })]);

  const reviewers = await undecidedReviewers(services, approval);
  const unmailed = await mailEach(services, operation, approval, 'Reminder: approval requested');
  const none =
    unmailed.length >= Math.min(reviewers.length, limits.unmailedMax) && unmailed.length > 0;
  await note(services, approval, { unmailed, reminders: none ? approval.reminders : due });
}

/** Writes to the approval as it is now; not to one that was decided meanwhile. */
async function note(
  services: Services,
  { account, id }: Approval,
  set: Partial<Pick<Approval, 'mailed_at' | 'unmailed' | 'reminders'>>,
): Promise<void> {
  await retryConflicts(async () => {
    const now = await getApproval(services.db, account, id);
    if (now?.state === 'pending') await transact(services.db, [updateApproval(now, set)]);
  });
}

/** Mails each reviewer a link of their own. Returns the addresses that failed. */
async function mailEach(
  services: Services,
  operation: Operation,
  approval: Approval,
  subject: string,
): Promise<string[]> {
  const reviewers = await undecidedReviewers(services, approval);
  const facts = await factsOf(services, operation);

  const failed = await mapConcurrently(reviewers, limits.mailsAtOnce, async (reviewer) => {
    try {
      await mail(services, approval, reviewer, { subject, facts });
      return null;
    } catch (error) {
      const { account, id } = approval;
      logger.warn('a mail was not sent', { account, approval: id, error: error as Error });
      return reviewer.email;
    }
  });

  return failed.filter((one) => one !== null).slice(0, limits.unmailedMax);
}

/**
 * The old and the new value of what the changes set, a line each. Rows that cannot be read any more
 * do not stop the mail: the page says so.
 */
async function factsOf(services: Services, operation: Operation): Promise<string[]> {
  try {
    const changes = operation.changes.slice(0, limits.reviewedChangesMax);
    const read = await readChanges(services, { account: operation.account, changes });
    const shown = read.map(({ change, rows }) => kindOf(change).review(change, rows));
    const lines = [
      ...warnUnshown(operation.changes.length),
      ...privilegeLines(await reviewedPrivileges(services, findingsOf(operation))),
      ...shown.flatMap(({ facts, warnings }) => [...warnings, ...facts.map(factText)]),
    ];
    return lines.map((line) => cutText(line.replaceAll(/\p{Cc}/gu, ' '), limits.mailedFactMax));
  } catch (error) {
    if (!isGantryError(error)) throw error;
    return [];
  }
}

async function mail(
  services: Services,
  approval: Approval,
  reviewer: Member,
  { subject, facts }: { subject: string; facts: string[] },
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
    `Requested by ${approval.requester}. Expires at ${approval.expires_at}.`,
    'This link opens a page with the details. Opening it decides nothing.',
    '',
    link,
    '',
    'The link is personal and works once. Do not share it.',
  ];

  await sendMail(services, {
    to: reviewer.email,
    subject: `${subject}: ${approval.summary}`,
    text,
  });
}
