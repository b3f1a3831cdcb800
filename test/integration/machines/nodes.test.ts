import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, inject } from 'vitest';
import { enroll } from '../../../agent/enroll.ts';
import { runOnce } from '../../../agent/run.ts';
import { proposeRoot, readTrust, signRoot } from '../../../shared/actions/accounts/index.ts';
import {
  createInstance,
  decommissionInstance,
  heartbeat,
  renewJoinToken,
} from '../../../shared/actions/machines/index.ts';
import { assignModule } from '../../../shared/actions/operations/index.ts';
import { reconcileInstance } from '../../../shared/actions/reconcile/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { signRootWith } from '../../../shared/director/index.ts';
import type { Instance } from '../../../shared/domain/machines/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getInstance } from '../../../shared/store/machines/index.ts';
import { readVersions } from '../../../shared/store/modules/index.ts';
import { promote } from '../../support/operations.ts';
import { runScheduled } from '../../support/scheduled.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
let template: Template;
let directory: string;
let names = 0;

it.beforeAll(async ({ world }) => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-nodes-'));
  const key = authorKey();

  await world.register('site', key);
  const version = await world.ingest(
    { name: 'site', files: { 'srv/index.html': 'a page' } },
    'v1.0.0',
    key,
  );

  await promote(world, version, 'staging');
  template = await createTemplate(world.services, world.caller, { name: 'web', platform: 'any' });

  const { operation } = await assignModule(world.services, world.caller, {
    template_id: template.id,
    module: 'site',
  });
  expect((await world.operation(operation.id)).state).toBe('succeeded');
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function row(world: World, id: string): Promise<Instance> {
  const instance = await getInstance(world.services.db, world.account, id);
  if (instance === null) throw new Error(`expected instance ${id}`);
  return instance;
}

async function machine(world: World): Promise<{ id: string; dir: string; token: string }> {
  const name = `node-${++names}`;
  const input = { name, template_id: template.id, track: 'staging' } as const;
  const { instance, join_token } = await createInstance(world.services, world.caller, input);

  await eventually('a desired state', async () => {
    const { desired_hash } = await row(world, instance.id);
    return desired_hash;
  });

  return { id: instance.id, dir: join(directory, name), token: join_token };
}

async function running(world: World) {
  const it = await machine(world);
  await enroll(it);
  expect((await runOnce(it)).report).toMatchObject({ status: 'applied', code: null });
  return it;
}

it('the signed desired state names who approved what it brings, and when', async ({ world }) => {
  const { services, caller, account } = world;
  const rita = await world.reviewer();
  const [version] = await readVersions(services.db, account, 'site');
  if (version === undefined) throw new Error('expected a version');

  await promote(world, version, 'blessed');
  await promote(world, version, 'live', rita);

  const { instance, join_token } = await createInstance(services, caller, {
    name: 'approved',
    template_id: template.id,
  });
  await eventually('a desired state', async () => (await row(world, instance.id)).desired_hash);

  const it = { id: instance.id, dir: join(directory, 'approved'), token: join_token };
  await enroll(it);
  expect((await runOnce(it)).report).toMatchObject({ status: 'applied', code: null });

  const { signed } = JSON.parse(await readFile(join(it.dir, 'agent/desired-state.json'), 'utf8'));
  expect(signed.targets['composition.erofs'].custom.approvals).toEqual([
    {
      module: `${account}/site`,
      version: '1.0.0',
      operation_id: expect.stringMatching(/^op_/),
      action: 'module_promote_to_live',
      reviewer: rita.email,
      decided_at: expect.stringMatching(/^20/),
    },
  ]);
});

const inAnHour = () => new Date(Date.now() + 60 * 60_000);

it('two new director keys later, a machine of the first root and one of the last accept what is signed', async ({
  world,
}) => {
  const old = await running(world);
  const pinned = await machine(world);
  const { services, caller } = world;
  const first = await readTrust(services, world.account);

  for (const version of [2, 3]) {
    const { account, current, proposal } = await proposeRoot(services, caller, { rotate: true });
    expect([account.root_version, current.root.signed.version, proposal]).toEqual([
      version,
      version,
      null,
    ]);
  }

  const { account, superseded } = await readTrust(services, world.account);
  expect(superseded.map(({ version }) => version)).toEqual([1, 2]);
  expect(account.director_key_id).not.toBe(first.account.director_key_id);

  await runScheduled('sweep');
  for (const id of [old.id, pinned.id]) {
    const signed = async () => {
      const { desired_key_id, desired_hash } = await row(world, id);
      return desired_key_id === account.director_key_id ? desired_hash : null;
    };
    await eventually('the desired state signed by the new key', signed, 90_000);
  }

  expect((await runOnce(old)).report).toMatchObject({ status: 'unchanged', code: null });
  // Its token pins root 1, which is not in force any more.
  await enroll(pinned);
  expect((await runOnce(pinned)).report).toMatchObject({ status: 'applied', code: null });

  const fresh = await running(world);
  const roots = [old, pinned, fresh].map(({ dir }) =>
    readFile(join(dir, 'agent/root.json'), 'utf8'),
  );
  for (const text of await Promise.all(roots)) expect(JSON.parse(text).signed.version).toBe(3);
});

it('a root with an offline key waits for its signature, and then needs it', async ({ world }) => {
  const { services, caller } = world;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const before = await readTrust(services, world.account);
  const waiting = await proposeRoot(services, caller, { add: [pem], threshold: 2 });

  expect(waiting.account.root_version).toBe(before.account.root_version);
  await expect(proposeRoot(services, caller, { rotate: true })).rejects.toMatchObject({
    code: 'root_proposal_open',
  });

  const proposed = waiting.proposal?.root;
  if (proposed === undefined) throw new Error('expected a proposal');

  const signature = signRootWith(proposed, waiting.current.root, privateKey, pem);
  const wrong = { ...signature, signature: signature.signature.replace(/^../, 'ff') };

  await expect(signRoot(services, caller, wrong)).rejects.toMatchObject({
    code: 'root_signature_invalid',
  });

  const after = await signRoot(services, caller, signature);
  expect(after).toMatchObject({
    proposal: null,
    account: { root_version: before.account.root_version + 1 },
  });

  const next = await proposeRoot(services, caller, { rotate: true });
  expect(next.proposal).not.toBeNull();
  expect(next.account.root_version).toBe(after.account.root_version);
});

it('a copied credential is revoked for both places, and the machine enrols again', async ({
  world,
}) => {
  const it = await running(world);
  const copy = { ...it, dir: `${it.dir}-copy` };

  await cp(it.dir, copy.dir, { recursive: true });
  expect((await runOnce({ ...copy, now: inAnHour })).report.status).not.toBe('refused');

  await expect(
    (async () => {
      for (let n = 1; n < 4; n++)
        await runOnce({ ...it, now: () => new Date(Date.now() + n * 60 * 60_000) });
    })(),
  ).rejects.toMatchObject({ code: 'credential_reused' });

  expect((await row(world, it.id)).state).toBe('credential_reused');
  const thief = runOnce({ ...copy, now: () => new Date(Date.now() + 9 * 60 * 60_000) });

  await expect(thief).rejects.toMatchObject({ code: 'credential_reused' });
  expect(await readdir(join(it.dir, 'agent'))).not.toContain('key.pem');

  const { join_token } = await renewJoinToken(world.services, world.caller, it.id);
  await enroll({ ...it, token: join_token });
  expect((await runOnce(it)).report).toMatchObject({ status: 'unchanged', code: null });
});

it('a decommissioned machine wipes the account’s data, and no report of it brings it back', async ({
  world,
}) => {
  const it = await running(world);
  const other = await machine(world);

  await decommissionInstance(world.services, world.caller, it.id);
  await decommissionInstance(world.services, world.caller, other.id);
  await expect(runOnce({ ...it, now: inAnHour })).rejects.toMatchObject({
    code: 'instance_decommissioned',
  });
  expect((await readdir(join(it.dir, 'agent'))).filter((name) => name !== 'lock')).toEqual([]);
  expect(await readFile(join(it.dir, 'current/srv/index.html'), 'utf8')).toBe('a page');
  await expect(enroll(other)).rejects.toMatchObject({ code: 'join_token_invalid' });
  await reconcileInstance(world.services, { account: world.account, instance_id: it.id });
  expect(await row(world, it.id)).toMatchObject({ state: 'decommissioned', credential_hash: null });

  const headers = { authorization: `Bearer ${world.token}` };
  const shown = await fetch(`${publicUrl}/api/v1/instances/${it.id}`, { headers });

  expect(await shown.json()).toMatchObject({ instance: { state: 'decommissioned' } });
});

it('keeps the key to which values for a machine are sealed, while the machine has it', async ({
  world,
}) => {
  const it = await machine(world);
  const { sealingKey } = await enroll(it);
  const headers = { authorization: `Bearer ${world.token}` };
  const shown = async () => {
    const response = await fetch(`${publicUrl}/api/v1/instances/${it.id}`, { headers });
    const { instance } = (await response.json()) as { instance: { sealing_key: string | null } };
    return instance.sealing_key;
  };
  expect(await shown()).toBe(sealingKey);

  // The next heartbeat of a machine without one makes another.
  await rm(join(it.dir, 'agent/sealing-key.pem'));
  await runOnce(it);
  expect(await shown()).toMatch(/^[\w-]{43}$/);
  expect(await shown()).not.toBe(sealingKey);

  // An agent of an older release sends none, and takes none away.
  const { account, services, caller } = world;
  await heartbeat(services, { account, instance_id: it.id }, { root_version: 1 });
  expect(await shown()).not.toBeNull();
  await renewJoinToken(services, caller, it.id);
  expect(await shown()).toBeNull();
});

it('only a decommissioned machine must wipe itself, even if its enrolment ends while it calls', async ({
  world,
}) => {
  const { services, caller, account } = world;
  const { id: instance_id } = await running(world);
  const alive = () => heartbeat(services, { account, instance_id }, { root_version: 1 });

  await renewJoinToken(services, caller, instance_id);
  await expect(alive()).rejects.toMatchObject({ code: 'unauthenticated' });
  await decommissionInstance(services, caller, instance_id);
  await expect(alive()).rejects.toMatchObject({ code: 'instance_decommissioned' });
  await expect(renewJoinToken(services, caller, instance_id)).rejects.toMatchObject({
    code: 'instance_decommissioned',
  });
});
