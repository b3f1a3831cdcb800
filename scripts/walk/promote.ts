import { z } from 'zod';
import {
  eventually,
  expect,
  expectSuccess,
  moduleName,
  requestChange,
  type Walk,
} from './context.ts';
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
  for (const to of steps.slice(steps.indexOf(state) + 1)) {
    const operation = await requestChange(walk, 'module', 'promote', id, '--to', to);
    if (operation.state === 'awaiting_approval') await approve(walk, operation.id);
    else expectSuccess(operation);
  }

  walk.saw('it is live');
}

async function inviteReviewer(walk: Walk): Promise<void> {
  const { members } = z
    .object({ members: z.array(z.object({ email: z.string() }).loose()) })
    .parse((await walk.gantry('member', 'list')).answer);

  if (!members.some(({ email }) => email === reviewerEmail)) {
    await walk.gantry('member', 'add', reviewerEmail, '--name', 'Rita', '--role', 'reviewer');
  }
}

/** Decides as the reviewer: opens the newest link that was mailed, and presses the button. */
async function approve(walk: Walk, operationId: string): Promise<void> {
  const link = await eventually('the approval mail', () => findLink(walk));
  walk.saw(`mail to ${reviewerEmail}: ${link.slice(0, 70)}…`);

  const page = await fetch(link);
  const text = await page.text();
  expect(
    page.ok && text.includes(moduleName),
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

const mailbox = z.object({
  messages: z.record(
    z.string(),
    z.array(z.object({ To: z.array(z.string()), BodyText: z.string() }).loose()),
  ),
});
const usedLinks = new Set<string>();

/** Finds the newest link that was mailed and not used yet, in the mailbox of the local cloud. */
async function findLink(walk: Walk): Promise<string | undefined> {
  const answer = await fetch(`${walk.context.stack.endpoint}/_ministack/ses/messages`);
  const { messages } = mailbox.parse(await answer.json());
  const links = Object.values(messages)
    .flat()
    .filter(({ To }) => To.includes(reviewerEmail))
    .flatMap(({ BodyText }) => BodyText.match(/https?:\/\/\S+\/approve\/\S+/) ?? []);

  for (const link of links.reverse()) {
    if (usedLinks.has(link)) continue;
    if ((await fetch(link)).ok) return link;
    usedLinks.add(link);
  }

  return undefined;
}
