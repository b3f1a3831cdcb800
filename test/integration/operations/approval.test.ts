import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createToken } from '../../../shared/actions/accounts/index.ts';
import {
  changePolicy,
  decideApproval,
  runOperationStep,
  withdrawOperation,
} from '../../../shared/actions/operations/index.ts';
import type { Caller, Member } from '../../../shared/domain/accounts/index.ts';
import {
  type Action,
  type Approval,
  defaultPolicy,
  type Operation,
} from '../../../shared/domain/operations/index.ts';
import { getApproval, getPolicy } from '../../../shared/store/operations/index.ts';
import { linksTo, mailsTo } from '../../support/mailbox.ts';
import { as, confirmationOf, policy, requirePending } from '../../support/operations.ts';
import { eventually, type Person, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
let world: World;
let rita: Person;
let otto: Person;

beforeAll(async () => {
  world = await World.create('registry.example');
});
afterAll(() => world.close());
beforeEach(async () => {
  [rita, otto] = [await world.reviewer(), await world.reviewer()];
});

interface Asked {
  operation: Operation;
  approval: string;
}

let requests = 0;
const another = () => ({ expires_in_s: 259_200 - ++requests });

/** A request that waits for approval: that retiring be denied. */
async function asked(
  set: { quorum?: number; expires_in_s?: number } = {},
  by: Caller = world.caller,
  action: Action = 'module_retire',
): Promise<Asked> {
  await policy(world, 'policy_change', { decision: 'require_approval', ...set });
  // Each is another request: the same one again would be the one that waits.
  const wanted = { ...defaultPolicy(action), decision: 'deny' as const, ...another() };
  const { id } = await changePolicy(world.services, by, wanted);
  const operation = await world.operation(id, 'awaiting_approval');

  return { operation, approval: requirePending(operation) };
}

/** The link that a reviewer was mailed for a request. */
function mailed({ approval }: Asked, member: Member): Promise<string> {
  return eventually(`a mail to ${member.email}`, async () => {
    return (await linksTo(member.email)).find((link) => link.includes(approval)) ?? null;
  });
}

async function page(url: string, decision?: 'approve' | 'reject') {
  const form =
    decision === undefined ? null : { decision, confirmation: await confirmationOf(url) };
  const response = await fetch(url, {
    headers: { accept: 'text/html' },
    ...(form === null ? {} : { method: 'POST', body: new URLSearchParams(form) }),
  });
  return { status: response.status, html: await response.text() };
}

async function recorded({ approval }: Asked): Promise<Approval> {
  const row = await getApproval(world.services.db, world.account, approval);
  if (row === null) throw new Error('expected an approval');
  return row;
}

function decides(member: Member, { approval }: Asked, decision: 'approve' | 'reject' = 'approve') {
  return decideApproval(world.services, as(member), { id: approval, decision, comment: null });
}

describe('a request for approval', () => {
  it('is mailed to every reviewer except the requester, who is named by e-mail address', async () => {
    const request = await asked({}, as(otto, ['admin']));
    const link = await mailed(request, rita);

    expect(await linksTo(otto.email)).toEqual([]);
    const [mail] = (await mailsTo(rita.email)).filter((text) => text.includes(request.approval));

    for (const fact of [
      'policy of module_retire: decision allow → deny',
      `Requested by ${otto.email}`,
      world.account,
    ]) {
      expect(mail).toContain(fact);
    }

    const { status, html } = await page(link);
    expect([status, html.includes(otto.email), html.includes(rita.name)]).toEqual([
      200,
      true,
      true,
    ]);

    expect((await page(link, 'approve')).html).toContain('Approved');
    expect((await world.operation(request.operation.id)).state).toBe('succeeded');
    expect((await getPolicy(world.services.db, world.account, 'module_retire'))?.decision).toBe(
      'deny',
    );
  });

  it('of a token without a member is mailed with the name of the token', async () => {
    const { token } = await createToken(world.services, world.caller, {
      name: 'nightly build',
      roles: ['admin'],
    });
    const request = await asked({}, { ...world.caller, actor: `token:${token.id}` });

    await mailed(request, rita);
    const [mail] = (await mailsTo(rita.email)).filter((text) => text.includes(request.approval));

    expect(mail).toContain('Requested by the token "nightly build"');
    await decides(rita, request, 'reject');
  });

  it('is not decided by the requester, with any token', async () => {
    const request = await asked({}, as(otto, ['admin']));
    await expect(decides(otto, request)).rejects.toMatchObject({ code: 'self_approval' });

    await expect(
      decideApproval(
        world.services,
        { ...world.caller, roles: ['reviewer'] },
        {
          id: request.approval,
          decision: 'approve',
          comment: null,
        },
      ),
    ).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('belongs to no member'),
    });

    const decide = async (secret: string) => {
      const response = await fetch(`${publicUrl}/api/v1/approvals/${request.approval}/decide`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ decision: 'approve' }),
      });

      return [response.status, ((await response.json()) as { code?: string }).code];
    };

    expect(await decide(world.token)).toEqual([403, 'forbidden']);
    expect(await decide(otto.token)).toEqual([403, 'self_approval']);
    expect((await recorded(request)).decisions).toEqual([]);
    expect(await decide(rita.token)).toEqual([200, undefined]);
    expect((await recorded(request)).decisions).toMatchObject([
      { person: `member:${rita.id}`, signed_in_by: 'invitation', by: 'api' },
    ]);
    expect((await world.operation(request.operation.id)).state).toBe('succeeded');
  });

  it('with a quorum of two needs two people, and counts both when they decide concurrently', async () => {
    const slow = await asked({ quorum: 2 });
    const quick = await asked({ quorum: 2 }, world.caller, 'module_change');
    const link = await mailed(slow, rita);

    expect((await page(link, 'approve')).html).toContain('1 of 2 required approvals');
    await expect(decides(rita, slow)).rejects.toMatchObject({ code: 'approval_decided' });
    expect(await page(link, 'approve')).toMatchObject({ status: 410 });
    expect((await recorded(slow)).state).toBe('pending');

    const links = await Promise.all([mailed(quick, rita), mailed(quick, otto)]);
    const pages = await Promise.all(links.map((one) => page(one, 'approve')));

    expect(pages.map(({ status }) => status)).toEqual([200, 200]);
    await decides(otto, slow);

    for (const request of [slow, quick]) {
      expect((await world.operation(request.operation.id)).state).toBe('succeeded');
      expect(
        (await recorded(request)).decisions.map(({ reviewer_email }) => reviewer_email).sort(),
      ).toEqual([rita.email, otto.email].sort());
    }
  });

  it('ends with one rejection, and every other link says so', async () => {
    const request = await asked({ quorum: 2 });
    const link = await mailed(request, otto);

    await decides(rita, request, 'reject');
    const ended = await world.operation(request.operation.id);

    expect([ended.state, ended.message]).toEqual(['rejected', `rejected by ${rita.email}`]);
    for (const answer of [await page(link), await page(link, 'approve')]) {
      expect(answer.status).toBe(409);
      expect(answer.html).toContain('This request is already decided');
    }

    expect((await recorded(request)).state).toBe('rejected');
  });

  it('expires, and its link says so', async () => {
    const request = await asked({ expires_in_s: 2 });
    const link = await mailed(request, rita);
    const ended = await world.operation(request.operation.id);

    expect([ended.state, ended.code]).toEqual(['expired', 'approval_expired']);
    for (const answer of [await page(link), await page(link, 'approve')]) {
      expect(answer.status).toBe(410);
      expect(answer.html).toContain('This request has expired');
    }

    await expect(decides(rita, request)).rejects.toMatchObject({ code: 'approval_expired' });
    expect((await recorded(request)).state).toBe('expired');
  });

  it('is not decided after its time, even before the execution records that it expired', async () => {
    const request = await asked();
    const { expires_at } = await recorded(request);
    const late = { ...world.services, now: () => new Date(expires_at) };

    await expect(
      decideApproval(late, as(rita), { id: request.approval, decision: 'approve', comment: null }),
    ).rejects.toMatchObject({ code: 'approval_expired' });
    expect(await recorded(request)).toMatchObject({ state: 'pending', decisions: [] });

    await decides(rita, request, 'reject');
    expect((await world.operation(request.operation.id)).state).toBe('rejected');
  });

  it('keeps its change waiting even if the policy allows the change meanwhile', async () => {
    const { operation } = await asked();
    await policy(world, 'policy_change', { decision: 'allow' });

    const step = { account: world.account, operation_id: operation.id };
    const plan = await runOperationStep(world.services, { ...step, step: 'plan' });
    const { planned } = plan as { planned: string };
    await runOperationStep(world.services, { ...step, step: 'apply', planned, round: 1 });

    expect(await world.operation(operation.id)).toMatchObject({
      state: 'failed',
      code: 'approval_required',
    });
  });

  it('that is asked for again while it waits is the same one, and mails nobody twice', async () => {
    const request = await asked();
    await mailed(request, rita);
    const [change] = request.operation.changes;
    if (change?.kind !== 'policy_change') throw new Error('expected a change of a policy');

    const again = await Promise.all(
      [world.caller, as(otto, ['admin'])].map((by) =>
        changePolicy(world.services, by, change.policy),
      ),
    );
    expect(again.map(({ id }) => id)).toEqual([request.operation.id, request.operation.id]);
    const links = await linksTo(rita.email);
    expect(links.filter((link) => link.includes(request.approval))).toHaveLength(1);

    await decides(rita, request, 'reject');
    const { id } = await changePolicy(world.services, world.caller, change.policy);
    expect(id).not.toBe(request.operation.id);
    await withdrawOperation(world.services, world.caller, id);
  });

  it('is withdrawn by the person who asked or an admin, and by nobody else', async () => {
    const request = await asked({}, as(otto, ['admin']));
    const withdraw = (by: Caller) => withdrawOperation(world.services, by, request.operation.id);

    await expect(withdraw(as(rita, ['operator', 'reviewer']))).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining(
        `expected the person who requested the operation (member:${otto.id})`,
      ),
    });
    expect((await withdraw(as(otto, ['operator']))).state).toBe('withdrawn');
  });

  it('can be withdrawn, and its link then says so', async () => {
    const request = await asked();
    const link = await mailed(request, rita);
    const withdrawn = await withdrawOperation(world.services, world.caller, request.operation.id);

    expect(withdrawn).toMatchObject({ state: 'withdrawn', message: 'withdrawn by token:tests' });
    expect((await page(link)).html).toContain('This request was withdrawn');
    expect((await page(link, 'approve')).status).toBe(410);

    await expect(
      withdrawOperation(world.services, world.caller, request.operation.id),
    ).rejects.toMatchObject({
      code: 'conflict',
      message: 'expected an open operation, found an operation in state withdrawn',
    });
  });
});

it('a link that was changed, truncated or made for another request or reviewer decides nothing', async () => {
  const [one, two] = [await asked(), await asked()];
  const link = await mailed(one, rita);
  const other = await mailed(two, rita);
  const [payload = '', mac = ''] = (link.split('/').at(-1) ?? '').split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const forged = (set: object) =>
    Buffer.from(JSON.stringify({ ...claims, ...set })).toString('base64url');
  const base = `${publicUrl}/approve/${one.approval}`;
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = mac.at(-1) ?? '';
  // Decodes to the same bytes: only the bits that base64url leaves unused differ.
  const twin = alphabet[alphabet.indexOf(last) ^ 1];

  const tokens = [
    `${payload}.${mac.slice(0, -1)}${twin}`,
    `${payload}.${mac}=`,
    `${payload}.${mac.slice(0, -1)}`,
    `${payload}.${mac[0] === 'A' ? 'B' : 'A'}${mac.slice(1)}`,
    `${payload}.`,
    payload,
    `.${mac}`,
    `${payload}.${mac}.${mac}`,
    `${forged({ member: otto.id })}.${mac}`,
    `${forged({ exp: claims.exp + 3600 })}.${mac}`,
    `${forged({ account: 'other' })}.${mac}`,
    other.split('/').at(-1),
  ];

  for (const token of tokens) {
    const looked = await page(`${base}/${token}`);
    const pressed = await page(`${base}/${token}`, 'approve');
    expect([token, looked.status, pressed.status]).toEqual([token, 403, 403]);
    expect(looked.html).toContain('This link is not valid');
  }

  for (const cut of [base, `${base}/`]) expect((await page(cut, 'approve')).status).toBe(404);
  expect([(await recorded(one)).decisions, (await recorded(two)).decisions]).toEqual([[], []]);
});
