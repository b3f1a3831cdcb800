import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import { makeLogger } from '../../base/log.ts';
import { hasRole } from '../../domain/accounts/index.ts';
import {
  mailOfWarnings,
  mailRetryAt,
  mailsOf,
  type SensorSettings,
  type Warning,
} from '../../domain/upkeep/index.ts';
import { listMembers } from '../../store/accounts/index.ts';
import { transactUnlessRaced } from '../../store/table/index.ts';
import { updateWarning } from '../../store/upkeep/index.ts';
import { nowIso, type Services, sendMail } from '../context/index.ts';

const logger = makeLogger('watch');

/**
 * Mails an account's operators one mail with all warnings that are due. `warned` are those of this
 * run, which nobody else mails before `mail_due_at`. Of `overdue`, an earlier run wrote some and
 * died before it mailed them: each is claimed first, so that of two runs one mails it.
 */
export async function mailWarnings(
  services: Services,
  settings: SensorSettings,
  { warned, overdue }: { warned: readonly Warning[]; overdue: readonly Warning[] },
): Promise<void> {
  const lost = overdue.filter(
    ({ sensor, mail_due_at }) =>
      mail_due_at !== null && mail_due_at <= nowIso(services) && mailsOf(settings, sensor),
  );
  const claimed = await mapConcurrently(lost, limits.storeReadsAtOnce, (was) =>
    claim(services, was),
  );
  const due = [
    ...warned.filter(({ mail_due_at }) => mail_due_at !== null),
    ...claimed.filter((warning) => warning !== null),
  ];
  if (due.length === 0 || !(await mailOperators(services, settings.account, due))) return;

  await mapConcurrently(due, limits.storeReadsAtOnce, (was) =>
    transactUnlessRaced(services.db, [updateWarning(was, { mail_due_at: null })]),
  );
}

async function claim(services: Services, was: Warning): Promise<Warning | null> {
  const mail_due_at = mailRetryAt(services.now());
  const written = await transactUnlessRaced(services.db, [updateWarning(was, { mail_due_at })]);
  return written ? { ...was, mail_due_at, revision: was.revision + 1 } : null;
}

/** Returns whether somebody got the mail, or nobody is there to get it. */
async function mailOperators(
  services: Services,
  account: string,
  warnings: readonly Warning[],
): Promise<boolean> {
  const { subject, text } = mailOfWarnings(warnings);
  const members = await listMembers(services.db, account);
  const operators = members.filter(
    (member) => member.joined_at !== null && hasRole(member, 'operator'),
  );

  const sent = await mapConcurrently(operators, limits.mailsAtOnce, async ({ email }) => {
    try {
      await sendMail(services, { to: email, subject: `[${account}] ${subject}`, text });
      return true;
    } catch (error) {
      logger.warn('a mail was not sent', { account, error: error as Error });
      return false;
    }
  });

  return sent.length === 0 || sent.includes(true);
}
