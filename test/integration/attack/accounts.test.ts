import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { removeMember } from '../../../shared/actions/members/index.ts';
import { approvalLink, changePolicy } from '../../../shared/actions/operations/index.ts';
import { type JoinToken, joinToken } from '../../../shared/contract/machines/index.ts';
import { defaultPolicy } from '../../../shared/domain/operations/index.ts';
import { makeProof } from '../../../shared/dpop/index.ts';
import { getApproval } from '../../../shared/store/operations/index.ts';
import { authorKey, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
let victim: World;
let thief: World;
beforeAll(async () => {
  victim = await World.create('registry.example');
  thief = await World.create('registry.example');
});
afterAll(async () => {
  await victim.close();
  await thief.close();
});

async function call(
  world: World,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${publicUrl}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${world.token}`,
      'content-type': 'application/json',
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

async function newInstance(world: World, name: string) {
  const template = await call(world, 'POST', '/templates', {
    name,
    platform: 'ubuntu-24.04-amd64',
  });
  const template_id = template.body.template.id;
  const created = await call(world, 'POST', '/instances', { name, template_id });
  return { template_id, join: joinTokenOf(created.body.join_token) };
}

function joinTokenOf(text: string): JoinToken {
  return joinToken.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
}

const machineKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** As a machine does that gets no answer: each call is one more attempt. */
let attempts = 0;
const alive = { root_version: 1, agent_version: '1' };

async function asAgent(privateKey: KeyObject, path: string, body: unknown, credential?: string) {
  const htu = `${publicUrl}/api/v1/agent/${path}`;
  const now = new Date();

  const proof = await makeProof({
    privateKey,
    htm: 'POST',
    htu,
    now,
    ...(credential ? { accessToken: credential, place: { nonce: null, attempt: ++attempts } } : {}),
  });

  return sendAgent(path, body, proof, credential);
}

async function sendAgent(path: string, body: unknown, proof: string, credential = '') {
  return call(victim, 'POST', `/agent/${path}`, body, {
    dpop: proof,
    authorization: `DPoP ${credential}`,
  });
}

const enrolmentOf = ({ url: _, ...enrolment }: JoinToken) => enrolment;

describe('an account', () => {
  it('cannot read or change what is another’s, by any id', async () => {
    await victim.register('private', authorKey());
    const { template_id, join } = await newInstance(victim, 'secret');
    const member = await victim.reviewer();
    const ask = { ...defaultPolicy('policy_change'), decision: 'require_approval' as const };

    await victim.operation(
      (await changePolicy(victim.services, victim.caller, ask)).id,
      'succeeded',
    );

    const operation = await victim.operation(
      (await changePolicy(victim.services, victim.caller, defaultPolicy('module_retire'))).id,
      'awaiting_approval',
    );
    const { tokens } = (await call(victim, 'GET', '/tokens')).body;

    const requests: [string, string, unknown?][] = [
      ['GET', '/modules/private'],
      ['GET', '/modules/private/versions'],
      ['POST', '/modules/private/poll'],
      ['GET', `/templates/${template_id}`],
      ['GET', `/templates/${template_id}/composition`],
      ['GET', `/templates/${template_id}/assignments`],
      ['POST', `/templates/${template_id}/assignments`, { module: 'private' }],
      ['POST', '/instances', { name: 'mine', template_id }],
      ['GET', `/instances/${join.instance}`],
      ['GET', `/instances/${join.instance}/drift`],
      ['PATCH', `/instances/${join.instance}`, { track: 'staging' }],
      ['POST', `/instances/${join.instance}/join-token`],
      ['GET', `/operations/${operation.id}`],
      ['POST', `/operations/${operation.id}/withdraw`],
      ['GET', `/approvals/${operation.approval_id}`],
      ['DELETE', `/members/${member.id}`],
      ['DELETE', `/tokens/${tokens[0].id}`],
      ['PATCH', `/members/${member.id}`, { roles: ['viewer'] }],
      ['POST', `/members/${member.id}/invitation`, {}],
    ];

    for (const [method, path, body] of requests) {
      const answer = await call(thief, method, path, body);
      expect([method, path, answer.status, answer.body.code]).toEqual([
        method,
        path,
        404,
        'not_found',
      ]);
    }

    for (const noun of [
      'modules',
      'templates',
      'instances',
      'operations',
      'approvals',
      'members',
    ]) {
      expect((await call(thief, 'GET', `/${noun}`)).body[noun]).toEqual([]);
    }
  });

  it('cannot assign or name as parent another’s private module', async () => {
    await victim.register('hidden', authorKey());
    const { template_id } = await newInstance(thief, 'own');
    const module = `${victim.account}/hidden`;
    const assigned = await call(thief, 'POST', `/templates/${template_id}/assignments`, { module });

    expect(assigned.body.code).toBe('not_found');
    const parent = { variety: 'config' as const, parent_module: module };

    await expect(thief.register('child', authorKey(), parent)).rejects.toMatchObject({
      code: 'parent_module_mismatch',
    });
  });

  it('cannot get another’s answer by its Idempotency-Key', async () => {
    const body = { name: 'same', platform: 'ubuntu-24.04-amd64' };
    const headers = { 'idempotency-key': 'guessed' };
    const first = await call(victim, 'POST', '/templates', body, headers);
    const second = await call(thief, 'POST', '/templates', body, headers);

    expect(second.status).toBe(201);
    expect(second.body.template.id).not.toBe(first.body.template.id);
  });
});

describe('a join token', () => {
  it('cannot enrol two machines that use it at the same time', async () => {
    const { join } = await newInstance(victim, 'raced');
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => asAgent(machineKey(), 'enroll', enrolmentOf(join))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401, 401, 401]);
  });

  it('cannot enrol as an instance of another account', async () => {
    const { join } = await newInstance(victim, 'target');
    const own = await newInstance(thief, 'source');
    const mixed = { ...enrolmentOf(join), secret: own.join.secret };

    expect((await asAgent(machineKey(), 'enroll', mixed)).body.code).toBe('join_token_invalid');
    const moved = { ...enrolmentOf(own.join), account: victim.account };

    expect((await asAgent(machineKey(), 'enroll', moved)).body.code).toBe('join_token_invalid');
    const odd = { ...enrolmentOf(join), account: '' };

    expect((await asAgent(machineKey(), 'enroll', odd)).status).toBeLessThan(500);
  });

  it('that was renewed leaves no use to the token, key and credential before it', async () => {
    const { join } = await newInstance(victim, 'renewed');
    const key = machineKey();
    const { credential } = (await asAgent(key, 'enroll', enrolmentOf(join))).body;

    expect((await asAgent(key, 'heartbeat', alive, credential)).status).toBe(200);
    await call(victim, 'POST', `/instances/${join.instance}/join-token`);
    expect((await asAgent(key, 'heartbeat', alive, credential)).body.code).toBe('unauthenticated');
    expect((await asAgent(key, 'enroll', enrolmentOf(join))).body.code).toBe('join_token_invalid');
  });

  it('that enrols the machine again leaves no use to the credential before it', async () => {
    const { join } = await newInstance(victim, 'replaced');
    const key = machineKey();
    const { credential } = (await asAgent(key, 'enroll', enrolmentOf(join))).body;
    const renewed = await call(victim, 'POST', `/instances/${join.instance}/join-token`);
    const again = joinTokenOf(renewed.body.join_token);

    const other = machineKey();
    const enrolled = await asAgent(other, 'enroll', enrolmentOf(again));
    expect(enrolled.status).toBe(201);

    // The machine is enrolled again, so only the credential itself is too old.
    for (const [path, body] of [
      ['heartbeat', alive],
      ['artifacts', { digests: [`sha256:${'a'.repeat(64)}`] }],
    ] as const) {
      expect((await asAgent(key, path, body, credential)).body.code).toBe('unauthenticated');
    }
    const { status } = await asAgent(other, 'heartbeat', alive, enrolled.body.credential);
    expect(status).toBe(200);
  });
});

describe('an agent', () => {
  it('cannot use a proof twice, for another call, or without its key', async () => {
    const { join } = await newInstance(victim, 'proven');
    const privateKey = machineKey();
    const { credential } = (await asAgent(privateKey, 'enroll', enrolmentOf(join))).body;
    const made = (htu: string, htm = 'POST') =>
      makeProof({ privateKey, htm, htu, now: new Date(), accessToken: credential });
    const proof = await made(`${publicUrl}/api/v1/agent/heartbeat`);

    expect((await sendAgent('heartbeat', alive, proof, credential)).status).toBe(200);
    expect((await sendAgent('heartbeat', alive, proof, credential)).body.code).toBe(
      'dpop_replayed',
    );

    for (const other of [
      await made(`${publicUrl}/api/v1/agent/report`),
      await made('https://elsewhere.example/api/v1/agent/heartbeat'),
      await made(`${publicUrl}/api/v1/agent/heartbeat`, 'GET'),
    ]) {
      expect((await sendAgent('heartbeat', alive, other, credential)).body.code).toBe(
        'dpop_invalid',
      );
    }

    expect((await asAgent(machineKey(), 'heartbeat', alive, credential)).body.code).toBe(
      'dpop_invalid',
    );
  });

  it('cannot get the address of content that its desired state does not name', async () => {
    const { join } = await newInstance(victim, 'curious');
    const key = machineKey();
    const { credential } = (await asAgent(key, 'enroll', enrolmentOf(join))).body;
    const hex = 'a'.repeat(64);

    for (const asked of [
      `sha256:${hex}`,
      `stored-signatures:sha256:${hex}`,
      `file-index:sha256:${hex}`,
      `../${thief.account}/artifacts/sha256/${hex}`,
      '__proto__',
    ]) {
      const answer = await asAgent(key, 'artifacts', { digests: [asked] }, credential);
      expect([asked, answer.status]).toEqual([asked, 403]);
    }
  });
});

describe('an approval link', () => {
  it('cannot decide after its reviewer left the account, or on another request', async () => {
    const reviewer = await victim.reviewer();
    const requests = [];

    for (const action of ['extension_import', 'assignment_change'] as const) {
      const { id } = await changePolicy(victim.services, victim.caller, defaultPolicy(action));
      const { approval_id } = await victim.operation(id, 'awaiting_approval');
      const approval = await getApproval(victim.services.db, victim.account, approval_id ?? '');
      if (approval === null) throw new Error('expected an approval');

      requests.push(approval);
    }

    const [one, other] = requests as [(typeof requests)[number], (typeof requests)[number]];
    const link = await approvalLink(victim.services, one, reviewer.id);

    const post = (url: string) =>
      fetch(url, {
        method: 'POST',
        body: new URLSearchParams({ decision: 'approve' }),
        headers: { accept: '*/*' },
      });

    expect(await (await post(link.replace(one.id, other.id))).json()).toMatchObject({
      code: 'approval_link_invalid',
    });
    await removeMember(victim.services, victim.caller, reviewer.id);

    const gone = await post(link);
    expect(gone.status).toBe(403);
    expect(await gone.json()).toMatchObject({ code: 'approval_link_invalid' });
    expect((await getApproval(victim.services.db, victim.account, one.id))?.state).toBe('pending');
  });
});
