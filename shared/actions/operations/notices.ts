import { mapConcurrently } from '../../base/concurrency.ts';
import { newId } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { makeLogger } from '../../base/log.ts';
import { dueNotices, type Notice, putNotice, removeNotice } from '../../store/operations/index.ts';
import { transact, type Write } from '../../store/table/index.ts';
import { later, nowIso, type Services } from '../context/index.ts';
import type { NoticeText } from './changes/change-kind.ts';
import { mailPeople } from './mail-people.ts';

const logger = makeLogger('mail');

/**
 * A notice, and the write that belongs in the transaction of the change. It is due when the process
 * that made the change has either sent it or died.
 * @param actor who made the change
 */
export function makeNotice(
  services: Services,
  account: string,
  { subject, text, also = [] }: NoticeText,
  actor: string,
): { notice: Notice; write: Write } {
  const due_at = later(services, limits.noticeSeconds);
  const about = { account, id: newId('notice'), actor, due_at };
  const notice = { ...about, subject, text: [...text], also: [...also] };
  return { notice, write: putNotice(notice) };
}

/**
 * Mails people, then removes the notice: a process that dies in between mails them twice. The
 * change is done by then, so a failure is only logged, and the sweep sends the notice.
 */
export async function sendNotice(services: Services, notice: Notice): Promise<void> {
  const { account, actor } = notice;
  try {
    await mailPeople(services, account, notice, actor);
    await transact(services.db, [removeNotice(notice)]);
  } catch (error) {
    logger.warn('a notice was not sent', { account, error: error as Error });
  }
}

/** Sends what processes that died left. Returns the number of notices. */
export async function sendDueNotices(services: Services): Promise<number> {
  const due = await dueNotices(services.db, nowIso(services), limits.noticesPerRun);
  await mapConcurrently(due, limits.mailsAtOnce, (notice) => sendNotice(services, notice));
  return due.length;
}
