import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { approvalLink, changePolicy } from '../../../shared/actions/operations/index.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import { type Action, defaultPolicy } from '../../../shared/domain/operations/index.ts';
import { getApproval } from '../../../shared/store/operations/index.ts';
import { confirmationOf } from '../../support/operations.ts';
import { World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
let world: World;
let reviewer: Member;

beforeAll(async () => {
  world = await World.create('registry.example');
  reviewer = await world.reviewer();
  const ask = { ...defaultPolicy('policy_change'), decision: 'require_approval' as const };
  await world.operation((await changePolicy(world.services, world.caller, ask)).id, 'succeeded');
});
afterAll(() => world.close());

/** A change that waits for the reviewer, and the link that they are mailed. */
async function asked(action: Action) {
  const policy = { ...defaultPolicy(action), decision: 'deny' as const };
  const { id } = await changePolicy(world.services, world.caller, policy);
  const operation = await world.operation(id, 'awaiting_approval');
  const approval = await getApproval(world.services.db, world.account, operation.approval_id ?? '');
  if (approval === null) throw new Error('expected an approval');

  return { operation, approval, link: await approvalLink(world.services, approval, reviewer.id) };
}

async function page(
  url: string,
  form?: Record<string, string>,
  headers: Record<string, string> = {},
) {
  const confirmation = form === undefined ? '' : await confirmationOf(url);
  const response = await fetch(url, {
    method: form === undefined ? 'GET' : 'POST',
    headers: { accept: 'text/html', ...headers },
    ...(form === undefined ? {} : { body: new URLSearchParams({ confirmation, ...form }) }),
  });
  return { status: response.status, headers: response.headers, html: await response.text() };
}

it('a link shows the request however often it is opened, and its button decides once', async () => {
  const { operation, approval, link } = await asked('module_retire');
  for (const method of ['GET', 'GET', 'HEAD', 'GET']) {
    const response = await fetch(link, { method, headers: { accept: 'text/html' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
  }

  const { html } = await page(link);
  for (const fact of [
    'policy of module_retire: decision allow → deny',
    world.account,
    'token:tests',
    reviewer.name,
  ]) {
    expect(html.toLowerCase()).toContain(fact.toLowerCase());
  }

  expect((await getApproval(world.services.db, world.account, approval.id))?.decisions).toEqual([]);

  expect(
    (await page(link, { decision: 'approve' }, { 'sec-fetch-site': 'cross-site' })).status,
  ).toBe(403);
  expect((await page(link, { decision: 'maybe' })).status).toBe(400);

  for (const confirmation of ['', 'yes', approval.id]) {
    const unread = await page(link, { decision: 'approve', confirmation });
    expect([unread.status, unread.html.includes('confirmation_wrong')]).toEqual([400, true]);
  }

  const confirmation = await confirmationOf(link);
  const twice = await fetch(link, {
    method: 'POST',
    body: new URLSearchParams(`decision=approve&decision=reject&confirmation=${confirmation}`),
  });
  expect(twice.status).toBe(400);
  expect((await getApproval(world.services.db, world.account, approval.id))?.state).toBe('pending');

  const own = { origin: new URL(publicUrl).origin, 'sec-fetch-site': 'same-origin' };
  const decided = await page(link, { decision: 'approve', comment: '' }, own);

  expect(decided.status).toBe(200);
  expect(decided.html).toContain('Approved');
  await world.operation(operation.id, 'succeeded');

  for (const again of [await page(link), await page(link, { decision: 'reject' }, own)]) {
    expect(again.status).toBe(410);
    expect(again.html).toContain('This link was already used');
  }
});

it('a rejection ends the request, with its comment', async () => {
  const { operation, approval, link } = await asked('extension_import');
  const answer = await page(link, { decision: 'reject', comment: 'not today' });

  expect(answer.html).toContain('Nothing changes');
  expect((await world.operation(operation.id)).state).toBe('rejected');

  const [decision] =
    (await getApproval(world.services.db, world.account, approval.id))?.decisions ?? [];
  expect(decision).toMatchObject({
    decision: 'reject',
    comment: 'not today',
    by: 'link',
    reviewer_email: reviewer.email,
  });
});

it('an altered link, or one for another request, opens nothing', async () => {
  const one = await asked('instance_change');
  const two = await asked('assignment_change');
  const altered = one.link.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  const crossed = one.link.replace(one.approval.id, two.approval.id);

  for (const link of [altered, crossed, `${publicUrl}/approve/${one.approval.id}/x`]) {
    for (const answer of [await page(link), await page(link, { decision: 'approve' })]) {
      expect(answer.status).toBe(403);
      expect(answer.html).toContain('This link is not valid');
    }
  }

  const problem = await fetch(altered);
  expect(await problem.json()).toMatchObject({ code: 'approval_link_invalid', status: 403 });
});
