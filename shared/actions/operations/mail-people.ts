import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import { makeLogger } from '../../base/log.ts';
import { hasRole } from '../../domain/accounts/index.ts';
import { listMembers } from '../../store/accounts/index.ts';
import { type Services, sendMail } from '../context/index.ts';
import type { NoticeText } from './changes/change-kind.ts';
import { nameOf } from './name-of.ts';

const logger = makeLogger('mail');

/**
 * Mails the admins and reviewers of an account, and the people that `also` names, about a change of
 * who may do or decide what. The change is done by then, so a mail that fails is only logged. An
 * error means that nobody was mailed.
 * @param actor who did it
 */
export async function mailPeople(
  services: Services,
  account: string,
  { subject, text: what, also = [] }: NoticeText,
  actor: string,
): Promise<void> {
  const text = [...what, '', `Changed by ${await nameOf(services, account, actor)}.`];
  const members = await listMembers(services.db, account);
  const informed = members.filter(
    (member) => member.joined_at !== null && hasRole(member, 'admin', 'reviewer'),
  );
  const addresses = new Set([...informed.map(({ email }) => email), ...also]);

  await mapConcurrently([...addresses], limits.mailsAtOnce, async (to) => {
    try {
      await sendMail(services, { to, subject: `[${account}] ${subject}`, text });
    } catch (error) {
      logger.warn('a mail was not sent', { account, error: error as Error });
    }
  });
}
