import { expect, inject } from 'vitest';
import type { Services } from '../../../shared/actions/context/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import {
  assignModule,
  updateInstance as requestUpdate,
} from '../../../shared/actions/operations/index.ts';
import { reconcileInstance, scheduleResigns } from '../../../shared/actions/reconcile/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import {
  type VerifiedDesiredState,
  verifyDesiredState,
  verifyRoot,
} from '../../../shared/director/index.ts';
import type { Instance } from '../../../shared/domain/machines/index.ts';
import type { Metadata, Template } from '../../../shared/domain/templates/index.ts';
import { getAccount } from '../../../shared/store/accounts/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { getInstance, updateInstance } from '../../../shared/store/machines/index.ts';
import { etagOf, getBytes, objectKeys, replaceLatest } from '../../../shared/store/objects.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { holdPuts, promote } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
let template: Template;
let names = 0;

it.beforeAll(async ({ world }) => {
  const key = authorKey();
  await Promise.all([
    world.register('site', key),
    world.register('motd', key, { variety: 'instance' }),
  ]);

  const versions = await Promise.all([
    world.ingest({ name: 'site', files: { 'srv/index.html': 'hello' } }, 'v1.0.0', key),
    world.ingest(
      { name: 'motd', files: { 'etc/motd': 'I am ${instance.hostname}\n' } },
      'v1.0.0',
      key,
    ),
  ]);

  await Promise.all(versions.map((version) => promote(world, version, 'staging')));
  template = await createTemplate(world.services, world.caller, { name: 'web', platform: 'any' });

  for (const module of ['site', 'motd']) {
    const input = { template_id: template.id, module, metadata: { role: module } };
    const { operation } = await assignModule(world.services, world.caller, input);
    expect((await world.operation(operation.id)).state).toBe('succeeded');
  }
});

async function read(world: World, id: string): Promise<Instance> {
  const instance = await getInstance(world.services.db, world.account, id);
  if (instance === null) throw new Error(`expected instance ${id}`);
  return instance;
}

function signed(world: World, id: string, version: number): Promise<Instance> {
  return eventually(`desired state ${version}`, async () => {
    const instance = await read(world, id);
    return instance.desired_version >= version && instance.desired_hash !== null ? instance : null;
  });
}

/** An instance whose first desired state is there. */
async function made(world: World, metadata: Metadata = { hostname: 'web-1' }): Promise<Instance> {
  names += 1;
  const input = {
    name: `web-${names}`,
    template_id: template.id,
    track: 'staging',
    metadata,
  } as const;

  const { instance } = await createInstance(world.services, world.caller, input);
  return signed(world, instance.id, 1);
}

/**
 * What lies at the instance's key in S3, verified as an agent does that pins the account's root.
 */
async function served(
  world: World,
  instance: Instance,
  lastVersion = 0,
): Promise<VerifiedDesiredState> {
  const { objects, db } = world.services;
  const account = await getAccount(db, world.account);
  if (account === null) throw new Error('expected the account');

  const root = verifyRoot(
    await getBytes(objects, objectKeys.root(account.slug, account.root_sha256)),
    account.root_sha256,
  );
  const bytes = await getBytes(objects, objectKeys.desiredState(account.slug, instance.id));

  return verifyDesiredState(bytes, {
    root,
    account: account.slug,
    instance: instance.id,
    lastVersion,
    now: new Date(),
  });
}

async function setMetadata(world: World, instance: Instance, metadata: Metadata): Promise<void> {
  const { id } = await requestUpdate(world.services, world.caller, { id: instance.id, metadata });
  expect((await world.operation(id)).state).toBe('succeeded');
}

const message = (world: World, { id }: Instance) => ({ account: world.account, instance_id: id });

it("the desired state in S3 verifies against the account's root, and says what the machine must run", async ({
  world,
}) => {
  const instance = await made(world);
  const { state, version, image } = await served(world, instance);

  expect([version, state.composition_digest]).toEqual([
    instance.desired_version,
    instance.desired_composition,
  ]);
  expect(state).toMatchObject({
    account: world.account,
    instance: instance.id,
    template: template.id,
    track: 'staging',
    metadata: {
      instance: { hostname: 'web-1' },
      modules: {
        [`${world.account}/site`]: { role: 'site' },
        [`${world.account}/motd`]: { role: 'motd' },
      },
    },
    jobs: [],
  });

  expect(state.layers.map(({ module }) => module)).toEqual(['site', 'motd']);
  expect(
    state.signature_policies.map(({ module, require_tlog }) => [module, require_tlog]),
  ).toEqual([
    [`${world.account}/site`, false],
    [`${world.account}/motd`, false],
  ]);

  const [file] = state.rendered_files;
  expect([file?.path, Buffer.from(file?.content ?? '', 'base64').toString()]).toEqual([
    '/etc/motd',
    'I am web-1\n',
  ]);

  const key = objectKeys.image(world.account, state.composition_digest);
  expect((await getBytes(world.services.objects, key)).length).toBe(image.length);
});

it('its version counts changes up, and unchanged content is not signed again', async ({
  world,
}) => {
  const instance = await made(world);
  await setMetadata(world, instance, { hostname: 'renamed' });

  const second = await signed(world, instance.id, instance.desired_version + 1);
  expect(second.desired_version).toBe(instance.desired_version + 1);

  const { state } = await served(world, second, instance.desired_version);
  expect(state.metadata.instance).toEqual({ hostname: 'renamed' });

  const key = objectKeys.desiredState(world.account, instance.id);
  const etag = await etagOf(world.services.objects, key);
  for (let i = 0; i < 5; i++) await reconcileInstance(world.services, message(world, instance));
  expect([await read(world, instance.id), await etagOf(world.services.objects, key)]).toEqual([
    second,
    etag,
  ]);
});

it('of several concurrent reconciles the last is what is served', async ({ world }) => {
  const instance = await made(world);
  for (const hostname of ['a', 'b', 'c']) {
    const now = await read(world, instance.id);
    const set = { metadata: { hostname }, updated_at: new Date().toISOString() };

    await transact(world.services.db, [updateInstance(now, set)]);
    await Promise.all(
      [1, 2, 3].map(() => reconcileInstance(world.services, message(world, instance))),
    );

    const after = await read(world, instance.id);
    const { version, state } = await served(world, after, now.desired_version);

    expect([version, state.metadata.instance]).toEqual([after.desired_version, { hostname }]);
    expect(after.desired_hash).not.toBeNull();
  }
});

it('a worker that was overtaken before it wrote does not restore an older state', async ({
  world,
}) => {
  const instance = await made(world);
  const now = await read(world, instance.id);
  const change = (row: Instance, hostname: string) =>
    transact(world.services.db, [
      updateInstance(row, { metadata: { hostname }, updated_at: new Date().toISOString() }),
    ]);

  await change(now, 'slow');
  const held = holdPuts();
  const late = reconcileInstance(held.services, message(world, instance));

  await held.reached;
  await change(await read(world, instance.id), 'quick');
  await reconcileInstance(world.services, message(world, instance));

  const quick = await read(world, instance.id);
  held.release();
  await late;

  const { version, state } = await served(world, quick, now.desired_version);
  expect([version, state.metadata.instance]).toEqual([
    quick.desired_version,
    { hostname: 'quick' },
  ]);
  expect(await read(world, instance.id)).toEqual(quick);
});

it('an instance that lacks metadata shows which, keeps what it has, and forgets the error once it has it', async ({
  world,
}) => {
  const instance = await made(world);
  // No change of one's own can do this; another account's promotion can.
  const lacking = updateInstance(await read(world, instance.id), {
    metadata: { other: 'x' },
    updated_at: new Date().toISOString(),
  });

  await transact(world.services.db, [lacking]);
  await reconcileInstance(world.services, message(world, instance));

  const failed = await read(world, instance.id);
  expect(failed.desired_error?.code).toBe('instance_metadata_missing');
  expect(failed.desired_error?.message).toContain(
    'expected the instance\'s metadata to have "hostname"',
  );
  expect(failed.desired_version).toBe(instance.desired_version);
  expect((await served(world, instance)).state.metadata.instance).toEqual({ hostname: 'web-1' });

  const shown = async () => {
    const headers = { authorization: `Bearer ${world.token}` };
    const response = await fetch(`${publicUrl}/api/v1/instances/${instance.id}`, { headers });
    return ((await response.json()) as { instance: Instance }).instance;
  };

  expect((await shown()).desired_error).toEqual(failed.desired_error);
  expect(await shown()).not.toHaveProperty('desired_report_keys');
  await setMetadata(world, instance, { hostname: 'web-1' });
  await eventually('no error', async () =>
    (await read(world, instance.id)).desired_error === null ? true : null,
  );
  expect((await read(world, instance.id)).desired_version).toBe(instance.desired_version);
});

it('a fault shows at the machine until it is over', async ({ world }) => {
  const { services, account } = world;
  const instance = await made(world);
  const pointer = await getComposition(services.db, account, template.id, 'staging');
  const key = pointer?.report_key ?? '';
  const record = await getBytes(services.objects, key);
  const replace = async (body: Uint8Array) =>
    replaceLatest(
      services.objects,
      { key, body, type: 'application/json' },
      await etagOf(services.objects, key),
    );

  await replace(Buffer.from('{}'));
  await expect(reconcileInstance(services, message(world, instance))).rejects.toMatchObject({
    code: 'io_error',
  });

  const failed = await read(world, instance.id);
  expect(failed.desired_error).toMatchObject({
    code: 'io_error',
    message: expect.stringContaining(key),
  });
  expect(failed.desired_version).toBe(instance.desired_version);

  await replace(record);
  expect(await reconcileInstance(services, message(world, instance))).toBe('unchanged');
  expect((await read(world, instance.id)).desired_error).toBeNull();
});

/** The services of so many days later. */
function at(world: World, days: number): Services {
  return { ...world.services, now: () => new Date(Date.now() + days * 24 * 3600 * 1000) };
}

it('it is signed again at half of its life', async ({ world }) => {
  const instance = await made(world);
  await reconcileInstance(at(world, 3.4), message(world, instance));
  expect((await read(world, instance.id)).desired_version).toBe(instance.desired_version);
  expect(await scheduleResigns(at(world, 3.4))).toBe(0);
  expect(await scheduleResigns(at(world, 3.6))).toBeGreaterThan(0);
  await reconcileInstance(at(world, 3.6), message(world, instance));

  const again = await read(world, instance.id);
  expect(again).toMatchObject({
    desired_version: instance.desired_version + 1,
    desired_hash: instance.desired_hash,
    desired_composition: instance.desired_composition,
  });

  const days = (Date.parse(again.desired_expires_at ?? '') - Date.now()) / (24 * 3600 * 1000);
  expect(days).toBeCloseTo(3.6 + 7, 2);
  expect((await served(world, again, instance.desired_version)).version).toBe(
    again.desired_version,
  );
});

it('it is signed again in time, as it is, also where no newer one can be made, unless it is not what was signed', async ({
  world,
}) => {
  const instance = await made(world);
  await transact(world.services.db, [updateInstance(instance, { metadata: {} })]);
  await reconcileInstance(at(world, 3.4), message(world, instance));
  expect((await read(world, instance.id)).desired_version).toBe(instance.desired_version);
  await reconcileInstance(at(world, 3.6), message(world, instance));

  const again = await read(world, instance.id);
  expect(again).toMatchObject({
    desired_version: instance.desired_version + 1,
    desired_hash: instance.desired_hash,
    desired_error: { code: 'instance_metadata_missing' },
  });

  const { state, version } = await served(world, again, instance.desired_version);
  expect([version, state.metadata.instance]).toEqual([
    again.desired_version,
    { hostname: 'web-1' },
  ]);

  // A writer of the bucket must not get a signature for its bytes.
  const key = objectKeys.desiredState(world.account, instance.id);
  const { objects } = world.services;
  const text = Buffer.from(await getBytes(objects, key)).toString();
  const forged = Buffer.from(text.replace('"hostname":"web-1"', '"hostname":"web-2"'));

  await replaceLatest(
    objects,
    { key, body: forged, type: 'application/json' },
    await etagOf(objects, key),
  );
  await expect(reconcileInstance(at(world, 7.5), message(world, instance))).rejects.toMatchObject({
    code: 'desired_state_invalid',
  });
  expect((await read(world, instance.id)).desired_version).toBe(again.desired_version);
});
