import { inject } from 'vitest';
import { z } from 'zod';

const mailbox = z.object({
  messages: z.record(
    z.string(),
    z.array(z.looseObject({ To: z.array(z.string()), Subject: z.string(), BodyText: z.string() })),
  ),
});

/** The mails that were sent to an address, from the local cloud's mailbox. */
export async function mailsOf(email: string): Promise<{ subject: string; text: string }[]> {
  const answer = await fetch(`${inject('stack').endpoint}/_ministack/ses/messages`);
  const { messages } = mailbox.parse(await answer.json());
  return Object.values(messages)
    .flat()
    .filter(({ To }) => To.includes(email))
    .map(({ Subject, BodyText }) => ({ subject: Subject, text: BodyText }));
}

/** The texts of the mails that were sent to an address. */
export async function mailsTo(email: string): Promise<string[]> {
  return (await mailsOf(email)).map(({ text }) => text);
}

/** The approval link in each mail that was sent to an address. */
export async function linksTo(email: string): Promise<string[]> {
  return (await mailsTo(email)).flatMap((text) => text.match(/https?:\/\/\S+\/approve\/\S+/) ?? []);
}

/** The link of the newest invitation that was mailed to an address. */
export async function invitationTo(email: string): Promise<string> {
  const texts = await mailsTo(email);
  const links = texts.flatMap((text) => text.match(/https?:\/\/\S+\/invitation\/\S+/) ?? []);
  const link = links.at(-1);
  if (link === undefined) throw new Error(`expected an invitation to ${email}`);
  return link;
}

/** What the link of an invitation says, as the API takes it. */
export function readInvitation(link: string) {
  const [account = '', member_id = '', secret = ''] = link.split('/').slice(-3);
  return { account, member_id, secret };
}
