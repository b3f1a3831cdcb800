import { SendEmailCommand } from '@aws-sdk/client-sesv2';
import type { Services } from './services.ts';

/** One mail of plain text to one address; `text` are its lines. */
export interface Mail {
  to: string;
  subject: string;
  text: readonly string[];
}

/** Sends a mail through SES. @throws what SES throws */
export async function sendMail(services: Services, { to, subject, text }: Mail): Promise<void> {
  await services.aws.ses.send(
    new SendEmailCommand({
      FromEmailAddress: services.settings.senderAddress,
      Destination: { ToAddresses: [to] },
      Content: {
        Simple: {
          Subject: { Data: subject, Charset: 'UTF-8' },
          Body: { Text: { Data: text.join('\n'), Charset: 'UTF-8' } },
        },
      },
    }),
  );
}
