import { z } from 'zod';
import { eventually, expect, expectSuccess, requestChange, type Walk } from './context.ts';
import type { Published } from './publish.ts';

const reviewerEmail = 'rita@gantry.example';

export async function promote(walk: Walk, { id, state }: Published): Promise<void> {
  walk.step('An operator promotes it to live; a reviewer gets a mail and approves');
  if (state === 'live') {
    walk.saw('it is live since an earlier walk');
    return;
  }

  await inviteReviewer(walk);
  const steps = ['staging', 'blessed', 'live'];
  for (const to of steps.slice(steps.indexOf(state) + 1))
    await change(walk, 'module', 'promote', id, '--to', to);

  walk.saw('it is live');
}

/** Runs a command that requests a change. Rita approves it, where its policy asks reviewers. */
export async function change(walk: Walk, ...args: string[]): Promise<void> {
  const operation = await requestChange(walk, ...args);
  if (operation.state === 'awaiting_approval') await approve(walk, operation.id);
  else expectSuccess(operation);
}

async function inviteReviewer(walk: Walk): Promise<void> {
  const { members } = z
    .object({ members: z.array(z.object({ email: z.string(), state: z.string() }).loose()) })
    .parse((await walk.gantry('member', 'list')).answer);

  const rita = members.find(({ email }) => email === reviewerEmail);
  if (rita?.state === 'active') return;

  // A walk that stopped before Rita joined left an invitation.
  if (rita === undefined)
    await walk.gantry('member', 'add', reviewerEmail, '--name', 'Rita', '--role', 'reviewer');
  await join(walk);
}

/** Decides as the reviewer: opens the newest link that was mailed, and presses the button. */
async function approve(walk: Walk, operationId: string): Promise<void> {
  const link = await eventually('the approval mail', () => findLink(walk));
  walk.saw(`mail to ${reviewerEmail}: ${link.slice(0, 70)}…`);

  const page = await fetch(link);
  const text = await page.text();
  expect(
    page.ok && text.includes(walk.module),
    `a page that shows the request, found status ${page.status}`,
  );

  const confirmation = /<code id="expected">([^<]+)</.exec(text)?.[1] ?? '';
  const decided = await fetch(link, {
    method: 'POST',
    body: new URLSearchParams({ decision: 'approve', confirmation }),
    headers: { origin: new URL(link).origin },
    redirect: 'manual',
  });

  expect(decided.status < 400, `the button on the page to decide, found status ${decided.status}`);
  walk.saw(`Rita opened the page, typed "${confirmation}" and pressed "Approve"`);

  const wait = ['operation', 'wait', operationId, '--timeout', '30'];
  expectSuccess(await requestChange(walk, ...wait));
}

/** Rita follows her invitation with a configuration of her own. The admin never has her token. */
async function join(walk: Walk): Promise<void> {
  const link = await eventually('the invitation', async () => {
    const texts = await readMails(walk);
    return texts.flatMap((text) => text.match(/https?:\/\/\S+\/invitation\/\S+/) ?? []).at(-1);
  });

  walk.saw(`mail to ${reviewerEmail}: ${link.slice(0, 60)}…`);
  await walk.asRita('login', '--invitation', link);
  walk.saw('Rita followed the invitation and has a token of her own');
}

const mailbox = z.object({
  messages: z.record(
    z.string(),
    z.array(z.object({ To: z.array(z.string()), BodyText: z.string() }).loose()),
  ),
});
const usedLinks = new Set<string>();

/** Finds the newest link that was mailed and not used yet. */
async function findLink(walk: Walk): Promise<string | undefined> {
  const texts = await readMails(walk);
  const links = texts.flatMap((text) => text.match(/https?:\/\/\S+\/approve\/\S+/) ?? []);

  for (const link of links.reverse()) {
    if (usedLinks.has(link)) continue;
    if ((await fetch(link)).ok) return link;
    usedLinks.add(link);
  }

  return undefined;
}

/** The texts of Rita's mails, oldest first, in the mailbox of the local cloud. */
async function readMails(walk: Walk): Promise<string[]> {
  const answer = await fetch(`${walk.context.stack.endpoint}/_ministack/ses/messages`);
  const { messages } = mailbox.parse(await answer.json());
  return Object.values(messages)
    .flat()
    .filter(({ To }) => To.includes(reviewerEmail))
    .map(({ BodyText }) => BodyText);
}
