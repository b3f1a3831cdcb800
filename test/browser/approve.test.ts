import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { changePolicy } from '../../shared/actions/operations/index.ts';
import type { Member } from '../../shared/domain/accounts/index.ts';
import {
  type Approval,
  defaultPolicy,
  type Operation,
} from '../../shared/domain/operations/index.ts';
import { getApproval } from '../../shared/store/operations/index.ts';
import { linksTo } from '../support/mailbox.ts';
import { as, confirmationOf, policy, requirePending } from '../support/operations.ts';
import { findProgram, requires } from '../support/requirements.ts';
import { eventually, World } from '../support/world.ts';

const { publicUrl } = inject('stack');
let world: World;
let rita: Member;
let otto: Member;
let browser: Browser | undefined;

beforeAll(async () => {
  world = await World.create('registry.example');
  [rita, otto] = [await world.reviewer(), await world.reviewer()];
  await policy(world, 'policy_change', { decision: 'require_approval' });

  const executablePath = findProgram('chromium');
  if (executablePath === undefined) return;

  // Debian's Chromium has no sandbox for root.
  browser = await chromium.launch({ executablePath, headless: true, args: ['--no-sandbox'] });
});
afterAll(async () => {
  await browser?.close();
  await world.close();
});
beforeEach((context) => requires(context, 'chromium'));

interface Asked {
  operation: Operation;
  link: string;
  approval: () => Promise<Approval | null>;
}

/** A request of otto's that waits for approval, and the link that was mailed to rita. */
async function asked(): Promise<Asked> {
  const wanted = { ...defaultPolicy('module_retire'), decision: 'deny' as const };
  const { id } = await changePolicy(world.services, as(otto, ['admin']), wanted);
  const operation = await world.operation(id, 'awaiting_approval');
  const approval = requirePending(operation);
  const link = await eventually('the mail', async () => {
    return (await linksTo(rita.email)).find((one) => one.includes(approval)) ?? null;
  });

  return {
    operation,
    link,
    approval: () => getApproval(world.services.db, world.account, approval),
  };
}

async function blank(): Promise<Page> {
  if (browser === undefined) throw new Error('expected a browser');
  return (await browser.newContext()).newPage();
}

/** The link's page in a browser of its own, with what the browser complained of. */
async function open(link: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await blank();
  const complaints: string[] = [];

  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
  expect((await page.goto(link))?.status()).toBe(200);

  return { page, complaints };
}

it('the page shows who asks for what, and its button approves', async () => {
  const { operation, link, approval } = await asked();
  const { page, complaints } = await open(link);
  const text = await page.textContent('body');

  for (const fact of [
    'Policy of module_retire: decision allow → deny?',
    otto.email,
    rita.name,
    world.account,
  ]) {
    expect(text).toContain(fact);
  }

  expect((await approval())?.decisions).toEqual([]);
  await page.fill('#comment', 'checked it');
  await page.fill('#confirmation', await confirmationOf(link));
  await page.click('button[value=approve]');
  await page.waitForSelector('text=Your approval is recorded');
  expect(complaints).toEqual([]);
  expect((await world.operation(operation.id)).state).toBe('succeeded');
  expect((await approval())?.decisions).toMatchObject([
    { decision: 'approve', by: 'link', reviewer_email: rita.email, comment: 'checked it' },
  ]);
  await page.goto(link);
  expect(await page.textContent('h1')).toBe('This link was already used');
  expect(await page.locator('button').count()).toBe(0);
});

it('its other button rejects', async () => {
  const { operation, link } = await asked();
  const { page } = await open(link);

  await page.fill('#confirmation', await confirmationOf(link));
  await page.click('button[value=reject]');
  await page.waitForSelector('text=Nothing changes');
  expect((await world.operation(operation.id)).state).toBe('rejected');
});

it('a scanner that opens the link, and everything on its page, decides nothing', async () => {
  const { operation, link, approval } = await asked();
  const { page } = await open(link);

  const found = await page.$$eval('[href], [src], [action], [formaction], form', (elements) =>
    elements.flatMap((element) =>
      ['href', 'src', 'action', 'formaction'].map((name) => {
        const value = element.getAttribute(name);
        return value === null ? element.baseURI : new URL(value, element.baseURI).href;
      }),
    ),
  );

  const addresses = new Set([link, ...found].filter((address) => address.startsWith(publicUrl)));
  // What the buttons would send, as a form sends it by GET.
  for (const decision of ['approve', 'reject'])
    addresses.add(`${link}?decision=${decision}&comment=`);

  for (const address of addresses) {
    for (const method of ['HEAD', 'GET', 'OPTIONS']) await page.request.fetch(address, { method });
    await page.goto(address);
  }

  await page.goto(link);
  for (const anchor of await page.locator('a').all()) {
    await anchor.click();
    await page.goto(link);
  }

  for (const field of ['#confirmation', '#comment']) await page.fill(field, 'yes');
  await page.click('button[value=approve]');
  await page.waitForSelector('text=confirmation_wrong');
  expect(await approval()).toMatchObject({ state: 'pending', decisions: [] });

  await page.goto(link);
  await page.fill('#confirmation', await confirmationOf(link));
  await page.click('button[value=approve]');
  await page.waitForSelector('text=Your approval is recorded');
  expect((await world.operation(operation.id)).state).toBe('succeeded');
});

it('a form on another site that sends a decision decides nothing', async () => {
  const { link, approval } = await asked();
  const page = await blank();

  await page.route('http://evil.example/', (route) => {
    const form = `<form method="post" action="${link}"><button name="decision" value="approve">Win</button></form>`;
    return route.fulfill({ contentType: 'text/html', body: form });
  });
  await page.goto('http://evil.example/');

  const [answer] = await Promise.all([page.waitForResponse(link), page.click('button')]);
  expect(answer.status()).toBe(403);
  expect(await approval()).toMatchObject({ state: 'pending', decisions: [] });
});
