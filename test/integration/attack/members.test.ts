import { afterAll, describe, expect, inject, it } from 'vitest';
import { createAccount } from '../../../shared/actions/accounts/index.ts';
import { updateMember } from '../../../shared/actions/members/index.ts';
import {
  changePolicy,
  decideApproval,
  sendDueNotices,
  withdrawOperation,
} from '../../../shared/actions/operations/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import type { Caller } from '../../../shared/domain/accounts/index.ts';
import { defaultPolicy } from '../../../shared/domain/operations/index.ts';
import { apiAs } from '../../support/api.ts';
import { stoppedAtMail } from '../../support/faults.ts';
import { invitationTo, linksTo, mailsOf, readInvitation } from '../../support/mailbox.ts';
import { as, policy, requirePending } from '../../support/operations.ts';
import { eventually, type Person, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const worlds: World[] = [];
afterAll(async () => {
  for (const world of worlds) await world.close();
});

async function newWorld(): Promise<World> {
  const world = await World.create('registry.example');
  worlds.push(world);
  return world;
}

let count = 0;
const address = () => `ghost-${++count}-${Date.now()}@example.com`;

/** A request that waits for approval: that retiring be denied. */
async function asked(world: World, by: Caller = world.caller, quorum = 1) {
  await policy(world, 'policy_change', { decision: 'require_approval', quorum });
  const wanted = { ...defaultPolicy('module_retire'), decision: 'deny' as const };
  const { id } = await changePolicy(world.services, by, wanted);
  const operation = await world.operation(id, 'awaiting_approval');
  return { id, approval: requirePending(operation) };
}

function decide(world: World, member: Person, approval: string) {
  const { services } = world;
  return decideApproval(services, as(member), { id: approval, decision: 'approve', comment: null });
}

describe('an admin alone', () => {
  it('gets no token of a member, by no field and no role', async () => {
    const world = await newWorld();
    const rita = await world.reviewer();
    const { refused } = apiAs(world.token);
    const token = { name: 'hers', roles: ['viewer'] };

    for (const body of [
      { ...token, member_id: rita.id },
      { ...token, roles: ['reviewer'] },
      { ...token, roles: ['viewer', 'reviewer'] },
    ]) {
      expect(await refused('POST', '/tokens', body)).toMatchObject({ code: 'invalid_request' });
    }

    const again = { show_link: true };
    expect(await refused('POST', `/members/${rita.id}/invitation`, again)).toMatchObject({
      code: 'conflict',
    });
  });

  it('decides nothing, although an admin may do everything else', async () => {
    const world = await newWorld();
    await world.reviewer();
    const boss = await world.member('admin');
    const { approval } = await asked(world, as(boss));
    const path = `/approvals/${approval}/decide`;

    for (const token of [world.token, boss.token]) {
      const answer = await apiAs(token).refused('POST', path, { decision: 'approve' });
      expect(answer).toMatchObject({ code: 'forbidden' });
    }
    expect(await linksTo(boss.email)).toEqual([]);
  });

  it('cannot add reviewers who approve: a reviewer decides who becomes one', async () => {
    const world = await newWorld();
    const { call } = apiAs(world.token);
    const rita = await world.member('reviewer');
    const before = await asked(world);

    const email = address();
    const body = { email, name: 'Ghost', roles: ['reviewer', 'viewer'] };
    const added = await call('POST', '/members', body);
    expect([added.status, added.body.member.roles]).toEqual([201, ['viewer']]);
    expect(added.body.operation.actions).toEqual(['member_change']);

    const ghost = await world.join(added.body.member.id, email);
    await expect(decide(world, ghost, before.approval)).rejects.toMatchObject({
      code: 'forbidden',
    });

    const waiting = await world.operation(added.body.operation.id, 'awaiting_approval');
    const own = as(ghost, ['reviewer']);
    const verdict = { id: requirePending(waiting), decision: 'approve', comment: null } as const;
    await expect(decideApproval(world.services, own, verdict)).rejects.toMatchObject({
      code: 'forbidden',
    });

    await decide(world, rita, verdict.id);
    expect((await world.operation(waiting.id)).state).toBe('succeeded');
    const reviewer = { ...ghost, ...(await world.memberNow(ghost.id)) };
    expect(reviewer.roles).toContain('reviewer');

    // Requests of before stay with those who were reviewers then.
    await expect(decide(world, reviewer, before.approval)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('joined before the request'),
    });
    await withdrawOperation(world.services, world.caller, before.id);
    const after = await asked(world);
    await decide(world, reviewer, after.approval);
    expect((await world.operation(after.id)).state).toBe('succeeded');
  });

  it('cannot make a reviewer of a member by a change of roles, also while none has joined', async () => {
    const world = await newWorld();
    const { call } = apiAs(world.token);
    const first = { email: address(), name: 'First', roles: ['reviewer'] };
    expect((await call('POST', '/members', first)).body.operation).toBeNull();

    const second = { email: address(), name: 'Second', roles: ['viewer'] };
    const { id } = (await call('POST', '/members', second)).body.member;
    const changed = await call('PATCH', `/members/${id}`, { roles: ['viewer', 'reviewer'] });
    expect(changed.body.member.roles).toEqual(['viewer']);

    const ended = await world.operation(changed.body.operation.id);
    expect([ended.state, ended.code]).toEqual(['refused', 'approval_required']);
  });

  it('gets one free reviewer of several that are added concurrently', async () => {
    const world = await newWorld();
    const { call } = apiAs(world.token);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        call('POST', '/members', { email: address(), name: 'Ghost', roles: ['reviewer'] }),
      ),
    );

    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(answers.filter(({ body }) => body.operation === null)).toHaveLength(1);
  });

  it('counts as themselves through links that they took and tokens that they made', async () => {
    const world = await newWorld();
    const { call } = apiAs(world.token);
    const email = address();
    const body = { email, name: 'Ghost', roles: ['reviewer'], show_link: true };
    const added = (await call('POST', '/members', body)).body;

    expect([added.mailed, added.member.person]).toEqual([false, 'deployment']);
    const link = readInvitation(added.link);
    const joined = await apiAs('').call('POST', '/invitations/accept', link);
    expect(joined.body.token.signed_in_by).toBe('show_link');

    await policy(world, 'policy_change', { decision: 'require_approval' });
    const service = await call('POST', '/tokens', { name: 'ci', roles: ['admin'] });
    expect(service.body.token.created_by_person).toBe('deployment');

    const wanted = { decision: 'deny' };
    const asks = await apiAs(service.body.secret).call('PATCH', '/policies/module_retire', wanted);
    const ended = await world.operation(asks.body.operation.id);
    expect([ended.requested_by_person, ended.state, ended.code]).toEqual([
      'deployment',
      'refused',
      'approval_required',
    ]);
  });

  it('who is a reviewer approves nothing that a service token of theirs asked for', async () => {
    const world = await newWorld();
    const rita = await world.reviewer();
    const otto = await world.member('admin');
    const both = { ...otto, roles: ['admin' as const, 'reviewer' as const] };
    const made = await apiAs(otto.token).call('POST', '/tokens', { name: 'ci', roles: ['admin'] });
    const nested = await apiAs(made.body.secret).call('POST', '/tokens', {
      name: 'ci of ci',
      roles: ['admin'],
    });
    expect(nested.body.token.created_by_person).toBe(`member:${otto.id}`);

    const promoted = await apiAs(world.token).call('PATCH', `/members/${otto.id}`, {
      roles: both.roles,
    });
    const grant = await world.operation(promoted.body.operation.id, 'awaiting_approval');
    await decide(world, rita, requirePending(grant));
    await world.operation(grant.id, 'succeeded');

    await policy(world, 'policy_change', { decision: 'require_approval' });
    const asks = await apiAs(nested.body.secret).call('PATCH', '/policies/module_retire', {
      decision: 'deny',
    });
    const waiting = await world.operation(asks.body.operation.id, 'awaiting_approval');
    await expect(decide(world, both, requirePending(waiting))).rejects.toMatchObject({
      code: 'self_approval',
    });
  });
});

describe('an approval', () => {
  it('of a member who is removed does not count, for the quorum or when it is applied', async () => {
    const world = await newWorld();
    const [one, two, three] = [
      await world.reviewer(),
      await world.reviewer(),
      await world.reviewer(),
    ];
    const { id, approval } = await asked(world, world.caller, 2);
    await decide(world, one, approval);

    const { call } = apiAs(world.token);
    expect((await call('DELETE', `/members/${one.id}`)).status).toBe(204);
    expect((await decide(world, two, approval)).state).toBe('pending');
    expect((await decide(world, three, approval)).state).toBe('approved');
    expect((await world.operation(id)).state).toBe('succeeded');
  });

  it('cannot become impossible by a removal, unless the owner of the deployment recovers', async () => {
    const world = await newWorld();
    const rita = await world.reviewer();
    const { call, refused } = apiAs(world.token);

    for (const request of [
      ['DELETE', `/members/${rita.id}`],
      ['PATCH', `/members/${rita.id}`, { roles: ['viewer'] }],
      ['DELETE', `/members/${rita.id}?recover=true`],
    ] as [string, string, unknown?][]) {
      expect(await refused(...request)).toMatchObject({
        code: 'quorum_unmeetable',
        detail: expect.stringContaining('module_promote_to_live'),
      });
    }

    const otto = await world.reviewer();
    expect((await call('DELETE', `/members/${rita.id}`)).status).toBe(204);
    expect(await refused('DELETE', `/members/${otto.id}`)).toMatchObject({
      code: 'quorum_unmeetable',
    });
    expect((await mailsOf(otto.email)).map(({ subject }) => subject)).toContainEqual(
      `[${world.account}] ${rita.email} removed`,
    );
  });

  it('of a group cannot become impossible, and a reviewer approves who joins the group', async () => {
    const world = await newWorld();
    const [rita, otto] = [await world.reviewer(['security']), await world.reviewer()];
    const { call, refused } = apiAs(world.token);
    await policy(world, 'module_promote_to_live', {
      decision: 'require_approval',
      reviewer_groups: ['security'],
    });

    for (const request of [
      ['DELETE', `/members/${rita.id}`],
      ['PATCH', `/members/${rita.id}`, { groups: [] }],
    ] as [string, string, unknown?][])
      expect(await refused(...request)).toMatchObject({ code: 'quorum_unmeetable' });

    const asked = await call('PATCH', `/members/${otto.id}`, { groups: ['security'] });
    const { operation } = asked.body;
    expect(operation.summary).toBe(`change ${otto.email}: groups none → security`);
    const approval = requirePending(await world.operation(operation.id, 'awaiting_approval'));
    await expect(decide(world, otto, approval)).rejects.toMatchObject({ code: 'self_approval' });
    await decide(world, rita, approval);
    expect((await world.operation(operation.id)).state).toBe('succeeded');

    expect((await world.memberNow(otto.id)).groups).toEqual(['security']);
    expect((await call('PATCH', `/members/${rita.id}`, { groups: [] })).status).toBe(200);
  });

  it('recovers by the owner of the deployment, whom everybody is mailed about', async () => {
    const slug = `t${Date.now().toString(36)}`;
    const world = await newWorld();
    const made = await createAccount(world.services, { slug, name: slug, platform: true });
    const { call, refused } = apiAs(made.token);
    const email = address();
    const added = await call('POST', '/members', { email, name: 'Rita', roles: ['reviewer'] });
    const { id } = added.body.member;
    await call('POST', '/invitations/accept', readInvitation(await invitationTo(email)));

    expect(await refused('DELETE', `/members/${id}`)).toMatchObject({ code: 'quorum_unmeetable' });
    expect((await call('DELETE', `/members/${id}?recover=true`)).status).toBe(204);
    const mail = (await mailsOf(email)).at(-1);
    expect(mail?.text).toContain('The owner of the deployment did this');

    const next = { email: address(), name: 'Otto', roles: ['reviewer'] };
    expect((await call('POST', '/members', next)).body.operation).toBeNull();
  });
});

describe('an invitation', () => {
  const post = (url: string, body: Record<string, string>, headers = {}) =>
    fetch(url, { method: 'POST', body: new URLSearchParams(body), headers });

  it('is followed once, by a person and not by a scanner that opens links and presses buttons', async () => {
    const world = await newWorld();
    const { call } = apiAs(world.token);
    const email = address();
    const added = await call('POST', '/members', { email, name: 'Rita', roles: ['reviewer'] });
    const { id } = added.body.member;
    const link = await invitationTo(email);

    for (const method of ['GET', 'HEAD', 'GET']) {
      const opened = await fetch(link, { method });
      expect(opened.status).toBe(200);
      expect(opened.headers.get('cache-control')).toBe('no-store');
      expect(await opened.text()).not.toContain(email);
    }

    for (const typed of ['', 'test@example.com']) {
      expect((await post(link, { email: typed })).status).toBe(403);
    }
    const foreign = { 'sec-fetch-site': 'cross-site' };
    expect((await post(link, { email }, foreign)).status).toBe(403);
    expect((await world.memberNow(id)).joined_at).toBeNull();

    const html = await (await post(link, { email: ` ${email.toUpperCase()} ` })).text();
    const secret = /gantry_[\w-]{43}/.exec(html)?.[0] ?? '';
    expect((await apiAs(secret).call('GET', '/members/me/tokens')).status).toBe(200);

    for (const again of [await fetch(link), await post(link, { email })]) {
      expect(again.status).toBe(403);
      expect(await again.json()).toMatchObject({ code: 'invitation_invalid' });
    }
  });

  it('is void once another was sent, the member removed, a character changed or its time over', async () => {
    const world = await newWorld();
    const { call } = apiAs(world.token);
    const email = address();
    const added = await call('POST', '/members', { email, name: 'Rita', roles: ['viewer'] });
    const { id } = added.body.member;
    const accept = (link: string) =>
      apiAs('').refused('POST', '/invitations/accept', readInvitation(link));

    const first = await invitationTo(email);
    expect((await call('POST', `/members/${id}/invitation`, {})).body.mailed).toBe(true);
    const second = await eventually('another invitation', async () => {
      const newest = await invitationTo(email);
      return newest === first ? null : newest;
    });

    const other = (
      await call('POST', '/members', { email: address(), name: 'O', roles: ['viewer'] })
    ).body.member.id;
    for (const link of [
      first,
      `${second}x`,
      second.slice(0, -1),
      second.replace(id, other),
      second.replace(`/${world.account}/`, '/other/'),
    ]) {
      expect(await accept(link)).toMatchObject({ code: 'invitation_invalid' });
      expect((await fetch(link)).status).toBe(403);
    }

    await call('DELETE', `/members/${id}`);
    expect(await accept(second)).toMatchObject({ code: 'invitation_invalid' });
    expect((await fetch(`${publicUrl}/invitation/x/y/z`)).status).toBe(403);
  });

  it('makes one token of two people who follow it concurrently', async () => {
    const world = await newWorld();
    const { call } = apiAs(world.token);
    const email = address();
    await call('POST', '/members', { email, name: 'Rita', roles: ['viewer'] });
    const body = readInvitation(await invitationTo(email));

    const answers = await Promise.all(
      Array.from({ length: 3 }, () => apiAs('').call('POST', '/invitations/accept', body)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403, 403]);
  });

  it('gives a member who lost their token another, and changes nothing else', async () => {
    const world = await newWorld();
    const rita = await world.reviewer();
    await apiAs(world.token).call('POST', `/members/${rita.id}/invitation`, {});
    const again = await world.join(rita.id, rita.email);

    expect(again.token).not.toBe(rita.token);
    const { reviewer_since, joined_at, counts_as } = again;
    expect({ reviewer_since, joined_at, counts_as }).toEqual({
      reviewer_since: rita.reviewer_since,
      joined_at: rita.joined_at,
      counts_as: null,
    });
  });
});

describe('a name', () => {
  it.each([
    ['a line break', 'Rita\nBcc: all@example.com'],
    ['a direction override', 'Rita \u202egpj.exe'],
    ['an invisible character', 'Ri\u200bta'],
    ['half of a character', 'Rita \ud800'],
  ])('of a member or token cannot hold %s', async (_, name) => {
    const world = await newWorld();
    const { refused } = apiAs(world.token);
    const member = { email: address(), name, roles: ['viewer'] };
    expect(await refused('POST', '/members', member)).toMatchObject({ code: 'invalid_request' });
    expect(await refused('POST', '/tokens', { name, roles: ['viewer'] })).toMatchObject({
      code: 'invalid_request',
    });
  });
});

it('reviewers learn of every change of people by mail', async () => {
  const world = await newWorld();
  const { call } = apiAs(world.token);
  const rita = await world.reviewer();
  const otto = await world.member('viewer');
  await call('PATCH', `/members/${otto.id}`, { roles: ['operator'] });
  await call('DELETE', `/members/${otto.id}`);

  const subjects = (await mailsOf(rita.email)).map(({ subject }) => subject);
  for (const what of [
    `${otto.email} invited`,
    `${otto.email} joined`,
    `roles of ${otto.email} changed`,
    `${otto.email} removed`,
  ]) {
    expect(subjects).toContain(`[${world.account}] ${what}`);
  }

  const changed = (await mailsOf(otto.email)).find(({ subject }) => subject.includes('changed'));
  expect(changed?.text).toContain('roles viewer → operator');
  expect(changed?.text).toMatch(/^Changed by the token ".+"\.$/m);
});

it('a process that dies before it mails a change of people leaves the mail to the sweep', async () => {
  const world = await newWorld();
  const { services, caller, account } = world;
  const [rita, otto] = [await world.reviewer(), await world.member('viewer')];
  const changes = async () =>
    (await mailsOf(rita.email)).filter(({ subject }) => subject.includes(otto.email)).slice(2);

  const { worker, reached } = stoppedAtMail(services);
  void updateMember(worker, caller, otto.id, { roles: ['operator'] });
  await reached;
  expect(await changes()).toEqual([]);

  const now = () => new Date(Date.now() + (limits.noticeSeconds + 1) * 1000);
  await sendDueNotices({ ...services, now });
  await sendDueNotices({ ...services, now });
  expect(await changes()).toMatchObject([
    { subject: `[${account}] roles of ${otto.email} changed` },
  ]);
});
