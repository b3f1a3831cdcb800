import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject } from 'vitest';
import { readRecord } from '../../../shared/actions/compositions/index.ts';
import type { Services } from '../../../shared/actions/context/index.ts';
import { ingestCandidate } from '../../../shared/actions/ingest/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import {
  assignModule,
  decideApproval,
  updateModule,
} from '../../../shared/actions/operations/index.ts';
import { previewModuleUpdate } from '../../../shared/actions/preview/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import {
  type Module,
  type ModuleChanges,
  withModuleChanges,
} from '../../../shared/domain/modules/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { getModule, putRegistration } from '../../../shared/store/modules/index.ts';
import { getBytes, objectKeys } from '../../../shared/store/objects.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { alone, eventsOf, offSchedule, pollAlone } from '../../support/flow.ts';
import { as, hold, promote, requirePending, versionNow } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const gantryProgram = new URL('../../../bin/gantry', import.meta.url).pathname;
const [old, next] = [authorKey(), authorKey()];
let reviewer: Member;

it.beforeAll(async ({ world }) => {
  reviewer = await world.reviewer();
});

async function row(world: World, name: string): Promise<Module> {
  const module = await getModule(world.services.db, world.account, name);
  if (module === null) throw new Error(`expected module ${name}`);
  return module;
}

const update = (world: World, name: string, input: Parameters<typeof updateModule>[3]) =>
  updateModule(world.services, world.caller, name, input);

async function approved(world: World, id: string) {
  const waiting = await world.operation(id, 'awaiting_approval', 'refused', 'failed', 'succeeded');
  const input = { id: requirePending(waiting), decision: 'approve', comment: null } as const;
  await decideApproval(world.services, as(reviewer), input);
  return world.operation(id);
}

/** Changes the row at just this moment, as an operation's transaction does. */
async function changeNow(world: World, name: string, set: ModuleChanges): Promise<void> {
  const was = await row(world, name);
  const { policy_version } = withModuleChanges(was, set);
  await transact(world.services.db, [
    putRegistration(was, { ...set, policy_version, updated_at: new Date().toISOString() }),
  ]);
}

async function gantry(
  world: World,
  ...line: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, GANTRY_URL: publicUrl, GANTRY_TOKEN: world.token, NO_COLOR: '1' };
  return promisify(execFile)(gantryProgram, line, { env }).then(
    (out) => ({ code: 0, ...out }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

describe('a registration', () => {
  it('takes another signer only once a reviewer approved, and then verifies again what was refused', async ({
    world,
  }) => {
    await world.register('site', old);
    const before = (await row(world, 'site')).policy_version;

    const digest = await world.publish(
      { name: 'site', files: { 'etc/site': '1' } },
      'v1.0.0',
      next,
    );

    await world.poll('site');
    expect(await world.inState('site', digest, 'rejected')).toMatchObject({
      code: 'key_mismatch',
      policy_version: before,
    });

    const { id, actions } = await update(world, 'site', {
      trusted_keys: [old.publicPem, next.publicPem],
    });
    expect(actions).toEqual(['trust_policy_change']);
    await world.operation(id, 'awaiting_approval');
    expect((await row(world, 'site')).policy_version).toBe(before);
    expect(await approved(world, id)).toMatchObject({
      state: 'succeeded',
      summary: 'change trusted_keys of site',
    });

    const after = await row(world, 'site');
    expect(after).toMatchObject({ trusted_keys: [old.publicPem, next.publicPem] });
    expect(after.policy_version).not.toBe(before);
    expect(await world.inState('site', digest, 'ingested')).toMatchObject({
      policy_version: after.policy_version,
    });

    expect(await eventsOf(world.services, world.account, 'gantry.module.updated')).toMatchObject([
      {
        subject: 'module/site',
        data: { changed: ['trusted_keys'], policy_version: after.policy_version, operation_id: id },
      },
    ]);
  });

  it('loses a signer without approval, by the command line', async ({ world }) => {
    const file = join(world.directory, 'next.pub');
    await writeFile(file, next.publicPem);

    const answer = await gantry(world, 'module', 'update', 'site', '--key', file);
    expect(answer).toMatchObject({
      code: 0,
      stdout: 'done: change trusted_keys of site\n',
      stderr: '',
    });

    expect((await row(world, 'site')).trusted_keys).toEqual([next.publicPem]);
  });

  it('is changed over HTTP, and an invalid value is refused with the field and the reason', async ({
    world,
  }) => {
    const patch = async (body: unknown) => {
      const answer = await fetch(`${publicUrl}/api/v1/modules/site`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: answer.status, body: await answer.json() };
    };

    expect(await patch({ visibility: 'public' })).toMatchObject({
      status: 202,
      body: {
        operation: {
          actions: ['module_change'],
          changes: [{ kind: 'module_update', set: { visibility: 'public' } }],
        },
      },
    });

    expect(await patch({ require_tlog: true, policy_version: 'an older one' })).toMatchObject({
      status: 409,
      body: { code: 'operation_raced' },
    });
    expect(await patch({ trusted_keys: [] })).toMatchObject({
      status: 422,
      body: { code: 'policy_missing' },
    });
    expect(await patch({ trusted_root: { mediaType: 'x' } })).toMatchObject({
      status: 422,
      body: { code: 'trusted_root_invalid' },
    });
    expect(await patch({ repository: 'r.example/a:tag' })).toMatchObject({
      body: { code: 'reference_invalid' },
    });
    expect(await patch({ category: 'none' })).toMatchObject({ body: { code: 'category_unknown' } });
    expect(await patch({ variety: 'config' })).toMatchObject({ status: 400 });
    expect(await patch({ allow_unanchored: true })).toMatchObject({ status: 400 });
  });

  it('is not changed by a request from before its trust policy changed', async ({ world }) => {
    await world.register('raced', old);
    const first = await update(world, 'raced', { trusted_keys: [old.publicPem, next.publicPem] });

    await world.operation(first.id, 'awaiting_approval');
    const second = await update(world, 'raced', { require_tlog: true });

    expect(await world.operation(second.id)).toMatchObject({
      state: 'succeeded',
      actions: ['module_change'],
    });
    expect(await approved(world, first.id)).toMatchObject({
      state: 'failed',
      code: 'operation_raced',
    });
    expect((await row(world, 'raced')).trusted_keys).toEqual([old.publicPem]);
  });

  it('with another repository is polled there immediately', async ({ registry, world }) => {
    await world.register('moved', old, { repository: `${registry.host}/nowhere/moved` });
    const digest = await world.publish(
      { name: 'moved', files: { 'etc/moved': '1' } },
      'v1.0.0',
      old,
    );

    const { id, actions } = await update(world, 'moved', { repository: world.repository('moved') });
    // Nothing came from the former repository yet, so no reviewer is asked.
    expect(actions).toEqual(['module_change']);
    expect(await world.operation(id)).toMatchObject({ state: 'succeeded' });
    await world.inState('moved', digest, 'ingested');
  });
});

describe('a signer who was removed between verify and ingest', () => {
  let services: Services;
  it.beforeAll(async ({ world }) => {
    services = await alone(world.services);
  });

  async function verified(world: World, name: string) {
    await world.register(name, old, { trusted_keys: [old.publicPem, next.publicPem] });
    await offSchedule(services, world.account, name);

    const digest = await world.publish({ name, files: { 'etc/content': name } }, 'v1.0.0', old);
    const { id } = await pollAlone(services, world.account, name, digest);
    const message = { account: world.account, module: name, version_id: id };

    await verifyCandidate(services, message);
    expect(await world.candidate(name, digest)).toMatchObject({ state: 'verified' });
    return { digest, message };
  }

  it('gets nothing in: the signature is verified again, and refused', async ({ world }) => {
    const { digest, message } = await verified(world, 'before');
    await changeNow(world, 'before', { trusted_keys: [next.publicPem] });
    await ingestCandidate(services, message);
    expect(await world.version('before', digest)).toBeNull();
    expect(await world.candidate('before', digest)).toMatchObject({
      state: 'found',
      policy_version: null,
    });
    await verifyCandidate(services, message);
    await ingestCandidate(services, message);
    expect(await world.candidate('before', digest)).toMatchObject({
      state: 'rejected',
      code: 'key_mismatch',
    });
    expect(await world.version('before', digest)).toBeNull();
  });

  it('gets nothing in either while the layer is on its way', async ({ registry, world }) => {
    const { digest, message } = await verified(world, 'during');
    const slow = hold(
      { ...(await World.create(registry.host)).services, settings: services.settings },
      'PutObjectCommand',
    );
    const ingest = ingestCandidate(slow.services, message);

    await slow.reached;
    await changeNow(world, 'during', { trusted_keys: [next.publicPem] });
    slow.release();
    await ingest;
    expect(await world.version('during', digest)).toBeNull();
    await verifyCandidate(services, message);
    expect(await world.candidate('during', digest)).toMatchObject({
      state: 'rejected',
      code: 'key_mismatch',
    });
  });

  it('does not affect what another signer signed too', async ({ world }) => {
    const { digest, message } = await verified(world, 'both');
    await world.sign('both', digest, next);
    await changeNow(world, 'both', { trusted_keys: [next.publicPem] });
    await ingestCandidate(services, message);
    expect(await world.version('both', digest)).toBeNull();
    await verifyCandidate(services, message);
    await ingestCandidate(services, message);
    expect(await world.version('both', digest)).toMatchObject({ promotion_state: 'built' });
  });
});

describe('templates and machines', () => {
  it('are composed again by another category, and get the new trust policy', async ({ world }) => {
    const { services, account, caller } = world;
    const template = await createTemplate(services, caller, {
      name: 'hosts',
      platform: 'ubuntu-24.04-amd64',
    });

    const { instance } = await createInstance(services, caller, {
      name: 'one',
      template_id: template.id,
      track: 'staging',
    });

    for (const name of ['lower', 'upper']) {
      await world.register(name, old);
      await promote(
        world,
        await world.ingest({ name, files: { 'etc/motd': name } }, 'v1.0.0', old),
        'staging',
      );

      const { operation } = await assignModule(services, caller, {
        template_id: template.id,
        module: name,
      });
      expect(await world.operation(operation.id)).toMatchObject({ state: 'succeeded' });
    }

    const layers = async () => {
      const pointer = await getComposition(services.db, account, template.id, 'staging');
      return pointer === null
        ? []
        : (await readRecord(services, pointer.report_key)).layers.map(({ module }) => module);
    };

    await eventually('both layers', async () => ((await layers()).length === 2 ? true : null));
    expect(await layers()).toEqual(['lower', 'upper']);

    const moved = await update(world, 'upper', { category: 'system-base' });
    expect(await world.operation(moved.id)).toMatchObject({
      state: 'succeeded',
      actions: ['module_change'],
    });
    await eventually('the other order', async () =>
      (await layers())[0] === 'upper' ? true : null,
    );

    const { id } = await update(world, 'upper', { trusted_keys: [old.publicPem, next.publicPem] });
    expect(await approved(world, id)).toMatchObject({ state: 'succeeded' });

    await eventually('the new signer in the desired state', async () => {
      const bytes = await getBytes(services.objects, objectKeys.desiredState(account, instance.id));
      return Buffer.from(bytes)
        .toString('utf8')
        .includes(JSON.stringify(next.publicPem).slice(1, -1))
        ? true
        : null;
    });
  });
});

describe('a change of trust that nobody is asked about', () => {
  it('quarantines what is in use only by name; a dry run says what and where', async ({
    world,
  }) => {
    const { services, caller, account } = world;
    await world.register('used', old, { trusted_keys: [old.publicPem, next.publicPem] });
    const version = await world.ingest({ name: 'used', files: { 'etc/used': '1' } }, 'v1.0.0', old);
    await promote(world, version, 'staging');

    const { id } = await createTemplate(services, caller, { name: 'user', platform: 'any' });
    await createInstance(services, caller, { name: 'u-1', template_id: id, track: 'staging' });
    const { operation } = await assignModule(services, caller, { template_id: id, module: 'used' });
    await world.operation(operation.id, 'succeeded');
    await eventually('the composition', async () => {
      const pointer = await getComposition(services.db, account, id, 'staging');
      const record = pointer && (await readRecord(services, pointer.report_key));
      return record?.layers.length === 1 ? record : null;
    });

    const removal = { trusted_keys: [next.publicPem] };
    expect(await previewModuleUpdate(services, account, { name: 'used', ...removal })).toEqual({
      action: 'module_change',
      loosens_trust: false,
      losses: [
        {
          version_id: version.id,
          version: '1.0.0',
          promotion_state: 'staging',
          code: 'key_mismatch',
          message: expect.any(String),
          uses: [{ template_id: id, template: 'user', track: 'staging', machines: 1 }],
        },
      ],
      not_judged: 0,
    });

    await expect(update(world, 'used', removal)).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining('template user (staging, 1 machine)'),
    });
    const both = { trusted_keys: [next.publicPem, old.publicPem] };
    await world.operation((await update(world, 'used', both)).id, 'succeeded');

    const named = await update(world, 'used', { ...removal, quarantine: true });
    expect(await world.operation(named.id)).toMatchObject({ state: 'succeeded' });
    await eventually('the quarantine', async () =>
      (await versionNow(world, version)).quarantined ? true : null,
    );
  });
});
