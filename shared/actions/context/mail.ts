import { SendEmailCommand } from '@aws-sdk/client-sesv2';
import { cutText } from '../../base/cut-text.ts';
import { limits } from '../../base/limits/index.ts';
import type { Services } from './services.ts';

/** One mail of plain text to one address; `text` are its lines. */
export interface Mail {
  to: string;
  subject: string;
  text: readonly string[];
}

/**
 * Returns what is sent. Summaries and errors hold texts of people and registries, which must not
 * begin lines of their own, add headers or reverse the direction.
 */
export function mailContent({ subject, text }: Pick<Mail, 'subject' | 'text'>): {
  subject: string;
  body: string;
} {
  const clean = (line: string) =>
    line.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ').toWellFormed();
  return {
    subject: cutText(clean(subject), limits.mailSubjectMax),
    body: text.map(clean).join('\n'),
  };
}

/** Sends a mail through SES. @throws what SES throws */
export async function sendMail(services: Services, { to, ...mail }: Mail): Promise<void> {
  const { subject, body } = mailContent(mail);
  await services.aws.ses.send(
    new SendEmailCommand({
      FromEmailAddress: services.settings.senderAddress,
      Destination: { ToAddresses: [to] },
      Content: {
        Simple: {
          Subject: { Data: subject, Charset: 'UTF-8' },
          Body: { Text: { Data: body, Charset: 'UTF-8' } },
        },
      },
    }),
  );
}
