import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enroll } from '../../../agent/enroll.ts';
import { runOnce } from '../../../agent/run.ts';
import { composeTemplate } from '../../../shared/actions/compose/index.ts';
import type { Services } from '../../../shared/actions/context/index.ts';
import { ingestCandidate } from '../../../shared/actions/ingest/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import {
  changePolicy,
  decideApproval,
  runOperationStep,
} from '../../../shared/actions/operations/index.ts';
import { reconcileInstance } from '../../../shared/actions/reconcile/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import { defaultPolicy } from '../../../shared/domain/operations/index.ts';
import { getModule } from '../../../shared/store/modules/index.ts';
import { objectKeys } from '../../../shared/store/objects.ts';
import { getOperation, getPolicy } from '../../../shared/store/operations/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { alone, offSchedule, pollAlone } from '../../support/flow.ts';
import { as, policy, raise, requirePending } from '../../support/operations.ts';
import { assign } from '../../support/stored.ts';
import { authorKey, World } from '../../support/world.ts';

const key = authorKey();
const otherKey = authorKey();
const page =
  'a page of more than sixty-four bytes, so that it lies in the store and not in the image itself\n';
let registry: DockerRegistry;
let victim: World;
let thief: World;
let services: Services;
let site: Version;
let other: Version;
let stolen: Version;

beforeAll(async () => {
  registry = await startDockerRegistry();
  victim = await World.create(registry.host);
  thief = await World.create(registry.host);
  services = await alone(victim.services);
  await victim.register('site', key);
  await victim.register('other', otherKey);
  await thief.register('site', otherKey);
  site = await victim.ingest({ name: 'site', files: { 'srv/index.html': page } }, 'v1.0.0', key);

  other = await victim.ingest(
    { name: 'other', files: { 'srv/index.html': page } },
    'v1.0.0',
    otherKey,
  );

  stolen = await thief.ingest(
    { name: 'site', files: { 'srv/index.html': 'evil' } },
    'v1.0.0',
    otherKey,
  );
});
afterAll(async () => {
  await victim.close();
  await thief.close();
  await registry.stop();
});

/**
 * Overwrites attributes of a row, as an attacker of the table; returns how to put back what
 * was there.
 */
async function rewrite(
  pk: string,
  sk: string,
  set: Record<string, unknown>,
): Promise<() => Promise<unknown>> {
  const { client, table: TableName } = services.db;
  const { Item } = await client.send(
    new GetCommand({ TableName, Key: { pk, sk }, ConsistentRead: true }),
  );
  if (Item === undefined) throw new Error(`expected a row ${pk} / ${sk}`);

  await client.send(new PutCommand({ TableName, Item: { ...Item, ...set } }));
  return () => client.send(new PutCommand({ TableName, Item }));
}

const rewriteCandidate = (module: string, digest: string, set: Record<string, unknown>) =>
  rewrite(`${victim.account}#candidate#${victim.id(module, digest)}`, 'candidate', set);
const rewriteModule = (module: string, set: Record<string, unknown>) =>
  rewrite(`${victim.account}#module#${module}`, 'module', set);

/** Pushes an artifact of the victim's and has it found; answers its digest. */
async function found(name: string, signer?: typeof key): Promise<string> {
  await victim.register(name, key);
  await offSchedule(services, victim.account, name);

  const digest = await victim.push(
    await victim.build({ name, files: { 'etc/a': name } }),
    name,
    'v1.0.0',
  );

  if (signer !== undefined) await victim.sign(name, digest, signer);
  await pollAlone(services, victim.account, name, digest);
  return digest;
}

const messageOf = (world: World, module: string, digest: string) => ({
  account: world.account,
  module,
  version_id: world.id(module, digest),
});

describe('a writer of candidates', () => {
  it.each<[string, () => Record<string, unknown>]>([
    ['without stored signatures', () => ({})],
    [
      'by the stored signatures of another artifact',
      () => ({ stored_signatures_key: site.stored_signatures_key }),
    ],
    [
      'by stored signatures of another account',
      () => ({ stored_signatures_key: stolen.stored_signatures_key }),
    ],
    [
      'by what is not a list of signatures',
      () => ({ stored_signatures_key: objectKeys.artifact(victim.account, site.digest) }),
    ],
    [
      'by stored signatures that do not exist',
      () => ({
        stored_signatures_key: objectKeys.storedSignatures(
          victim.account,
          `sha256:${'0'.repeat(64)}`,
        ),
      }),
    ],
    [
      'by the signed digest of another',
      () => ({ digest: site.digest, stored_signatures_key: site.stored_signatures_key }),
    ],
  ])('cannot have taken in what nobody signed, as verified %s', async (how, forge) => {
    const name = how.replaceAll(' ', '-');
    const digest = await found(name);
    const { policy_version } = (await getModule(services.db, victim.account, name)) ?? {};
    const signatures = site.signatures;

    await rewriteCandidate(name, digest, {
      state: 'verified',
      policy_version,
      signatures,
      ...forge(),
    });

    await ingestCandidate(services, messageOf(victim, name, digest));
    expect(await victim.version(name, digest)).toBeNull();
    await verifyCandidate(services, messageOf(victim, name, digest));
    await ingestCandidate(services, messageOf(victim, name, digest));
    expect(await victim.version(name, digest)).toBeNull();
  });

  it('cannot get an artifact ingested that only a replaced policy allowed', async () => {
    const digest = await found('replaced', key);
    await verifyCandidate(services, messageOf(victim, 'replaced', digest));
    expect((await victim.candidate('replaced', digest))?.state).toBe('verified');

    const policy_version = 'the next one';
    await rewriteModule('replaced', { trusted_keys: [otherKey.publicPem], policy_version });
    await rewriteCandidate('replaced', digest, { policy_version });
    await ingestCandidate(services, messageOf(victim, 'replaced', digest));
    expect(await victim.version('replaced', digest)).toBeNull();
    await verifyCandidate(services, messageOf(victim, 'replaced', digest));
    expect((await victim.candidate('replaced', digest))?.state).toBe('rejected');
  });
});

describe('a writer of remembered verdicts', () => {
  it('cannot get an artifact ingested that someone else signed', async () => {
    const digest = await found('remembered', otherKey);
    const message = messageOf(victim, 'remembered', digest);

    await verifyCandidate(services, message);
    expect(await victim.candidate('remembered', digest)).toMatchObject({ state: 'rejected' });

    const pk = `${victim.account}#verdict#${digest}`;
    const { Items = [] } = await services.db.client.send(
      new QueryCommand({
        TableName: services.db.table,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': pk },
      }),
    );

    expect(Items.length).toBe(1);
    const signatures = site.signatures;
    const verdict = { verified: true, digest, code: 'verified', message: 'signed', signatures };
    for (const { sk } of Items) await rewrite(pk, sk, { verdict });
    await verifyCandidate(services, message);
    expect(await victim.candidate('remembered', digest)).toMatchObject({ state: 'verified' });
    await ingestCandidate(services, message);
    expect(await victim.version('remembered', digest)).toBeNull();
    expect(await victim.candidate('remembered', digest)).toMatchObject({
      code: 'signature_refused',
      attempts: 2,
    });
  });
});

describe('concurrent workers of two accounts', () => {
  it('judge the same artifact each by the policy of its own account', async () => {
    const digest = await found('shared', otherKey);
    await thief.register('shared', otherKey, { repository: victim.repository('shared') });
    await offSchedule(services, thief.account, 'shared');
    await pollAlone(services, thief.account, 'shared', digest);

    const messages = [thief, victim, thief, victim].map((world) =>
      messageOf(world, 'shared', digest),
    );
    await Promise.all(messages.map((message) => verifyCandidate(services, message)));
    await Promise.all(messages.map((message) => ingestCandidate(services, message)));
    expect(await victim.version('shared', digest)).toBeNull();
    expect(await victim.candidate('shared', digest)).toMatchObject({ state: 'rejected' });
    expect(await thief.version('shared', digest)).toMatchObject({
      account: thief.account,
      promotion_state: 'built',
    });
  });
});

describe('a writer of operations', () => {
  it('cannot apply a change by what was approved for another', async () => {
    const rita = await victim.reviewer();
    await policy(victim, 'policy_change', { decision: 'require_approval' });

    const asked = async (set: Parameters<typeof changePolicy>[2]) => {
      const { id } = await changePolicy(victim.services, victim.caller, set);
      return victim.operation(id, 'awaiting_approval');
    };
    const harmless = await asked(defaultPolicy('module_retire'));
    const evil = await asked({ ...defaultPolicy('module_promote_to_live'), decision: 'allow' });
    const verdict = { id: requirePending(harmless), decision: 'approve', comment: null } as const;

    await decideApproval(victim.services, as(rita), verdict);
    await victim.operation(harmless.id, 'succeeded');

    const set = { approval_id: harmless.approval_id };
    await rewrite(`${victim.account}#operation#${evil.id}`, 'operation', set);

    await runOperationStep(services, {
      step: 'apply',
      account: victim.account,
      operation_id: evil.id,
    });

    const refused = await getOperation(services.db, victim.account, evil.id);
    expect(refused).toMatchObject({ state: 'failed', code: 'approval_required' });
    expect(await getPolicy(services.db, victim.account, 'module_promote_to_live')).toBeNull();
  });
});

describe('a machine', () => {
  it('keeps its root whatever one row is made to say of layers, signatures and versions', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'gantry-machine-'));
    await raise(victim, site, 'staging');

    const template = await createTemplate(services, victim.caller, {
      name: 'web',
      platform: 'any',
    });
    const { account, id: template_id } = template;

    await assign(services.db, template, `${account}/site`);
    const input = { name: 'web', template_id, track: 'staging', metadata: {} } as const;
    const { instance, join_token } = await createInstance(services, victim.caller, input);
    const signAgain = async () => {
      await composeTemplate(services, { account, template_id, track: 'staging' });
      await reconcileInstance(services, { account, instance_id: instance.id });
    };
    const machine = { dir: directory, token: join_token };

    await signAgain();
    await enroll(machine);
    expect((await runOnce(machine)).report).toMatchObject({ status: 'applied', code: null });

    const rowOf = {
      version: `${account}#version#${site.id}`,
      instance: `${account}#instance#${instance.id}`,
    };
    const [own] = site.builds;
    const { digest, stored_signatures_key, builds } = other;
    const layer = { ...builds[0], manifest_digest: own?.manifest_digest };

    const attempts: [row: keyof typeof rowOf, set: Record<string, unknown>, code: string][] = [
      ['version', { digest, stored_signatures_key, builds }, 'signature_refused'],
      ['version', { builds: [layer] }, 'layer_mismatch'],
      ['version', { builds: [{ ...own, layer_size: 1 }] }, 'layer_mismatch'],
      ['instance', { desired_version: 0, desired_hash: null }, 'desired_state_version_rollback'],
    ];

    for (const [row, set, code] of attempts) {
      const restore = await rewrite(rowOf[row], row, set);
      await signAgain();

      const { report } = await runOnce(machine);
      expect([set, report.status, report.code]).toEqual([set, 'refused', code]);
      expect(await readFile(join(directory, 'current/srv/index.html'), 'utf8')).toBe(page);
      if (row === 'version') await restore();
    }

    await rm(directory, { recursive: true, force: true });
  });
});
