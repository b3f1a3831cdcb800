import { describe, expect } from 'vitest';
import { openTarget } from '../../../cli/input/registry-target.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { registerModule } from '../../../shared/actions/modules/index.ts';
import {
  assignModule,
  changePolicy,
  decideApproval,
  promoteVersion,
} from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import type { Caller, Member } from '../../../shared/domain/accounts/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import { defaultPolicy, type InterventionPolicy } from '../../../shared/domain/operations/index.ts';
import { attachBundle, mediaTypes } from '../../../shared/registry/index.ts';
import { signArtifact } from '../../../shared/signature/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { getBytes } from '../../../shared/store/objects.ts';
import { getRepository } from '../../../shared/store/poll/index.ts';
import { as, policy } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

let rita: Member;
const key = authorKey();
it.beforeAll(async ({ world }) => {
  rita = await world.reviewer();
  await world.reviewer();
});

async function targetOf(world: World, name: string, reference: string) {
  return openTarget(
    `${world.repository(name)}${reference.startsWith('sha256:') ? '@' : ':'}${reference}`,
    {},
  );
}

/** Stores a manifest as an author with a tool of their own would; answers its digest. */
async function putManifest(
  world: World,
  name: string,
  tag: string,
  value: object,
  mediaType: string,
): Promise<string> {
  const { client, reference } = await targetOf(world, name, tag);
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return (await client.putManifest(reference.repository, tag, { bytes, mediaType })).digest;
}

async function manifestOf(world: World, name: string, digest: string) {
  const { client, reference } = await targetOf(world, name, digest);
  const content = await client.getManifest(reference.repository, digest);
  return { ...content, json: JSON.parse(Buffer.from(content.bytes).toString()) };
}

async function rejected(world: World, name: string, digest: string) {
  await world.poll(name);
  const candidate = await world.inState(name, digest, 'rejected');
  expect(await world.version(name, digest)).toBeNull();
  return candidate;
}

describe('an artifact', () => {
  it('cannot be taken in on the signature of another', async ({ world }) => {
    await world.register('replayed', key);
    const signed = await world.publish(
      { name: 'replayed', files: { 'etc/a': 'a' } },
      'v1.0.0',
      key,
    );

    const other = await world.push(
      await world.build({ name: 'replayed', files: { 'etc/a': 'evil' } }),
      'replayed',
      'v1.0.1',
    );

    const { client, reference } = await targetOf(world, 'replayed', other);
    const subject = await client.getManifest(reference.repository, other);
    const bundle = signArtifact({ digest: signed, key: key.private, annotations: {} });

    await attachBundle(client, {
      repository: reference.repository,
      subject,
      bundle,
      createdAt: new Date(),
    });

    expect((await rejected(world, 'replayed', other)).code).toBe('digest_mismatch');
  });

  it('cannot be another module under the name that it was signed for', async ({ world }) => {
    await world.register('wanted', key);
    const tar = await world.build({ name: 'unwanted', files: { 'etc/a': 'a' } });
    const digest = await world.push(tar, 'wanted', 'v1.0.0');

    await world.sign('wanted', digest, key);
    expect((await rejected(world, 'wanted', digest)).code).toBe('name_mismatch');
  });

  it('cannot state another size for a layer that was taken in before', async ({ world }) => {
    await world.register('sized', key);
    const version = await world.ingest({ name: 'sized', files: { 'etc/a': 'a' } }, 'v1.0.0', key);
    const { json } = await manifestOf(world, 'sized', version.digest);

    json.layers[0].size += 512;
    const digest = await putManifest(world, 'sized', 'v1.0.1', json, mediaTypes.manifest);

    await world.sign('sized', digest, key);
    expect((await rejected(world, 'sized', digest)).code).toBe('blob_size_mismatch');
  });

  it('cannot be composed by one manifest and run by another', async ({ world }) => {
    await world.register('split', key);
    const builds: object[] = [];

    for (const mask of ['/etc/x', '/etc/y']) {
      const source = { name: 'split', files: { 'etc/a': 'a' }, manifest: `mask: ["${mask}"]` };
      const digest = await world.push(await world.build(source), 'split', `part-${builds.length}`);
      const { size } = await manifestOf(world, 'split', digest);
      const annotations = {
        'vnd.powernode.module.platform': `ubuntu-24.04-${builds.length === 0 ? 'amd64' : 'arm64'}`,
      };

      builds.push({ mediaType: mediaTypes.manifest, digest, size, annotations });
    }

    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: builds };
    const digest = await putManifest(world, 'split', 'v1.0.0', index, mediaTypes.index);

    await world.sign('split', digest, key);
    expect((await rejected(world, 'split', digest)).code).toBe('artifact_invalid');
  });
});

describe('a registry', () => {
  it('cannot be an address of the machine or its network that no operator allow-listed', async ({
    world,
  }) => {
    for (const [name, host] of [
      ['metadata', '169.254.169.254'],
      ['inside', '10.0.0.1:5000'],
      ['decimal', '2130706434:9001'],
    ] as const) {
      await registerModule(world.services, world.caller, {
        name,
        category: 'userland',
        repository: `${host}/latest/meta-data`,
        trusted_keys: [key.publicPem],
        require_tlog: false,
      });

      await world.poll(name);
      const failed = await eventually(`the poll of ${name}`, async () => {
        const row = await getRepository(world.services.db, world.account, name);
        return row?.code ? row : null;
      });

      expect([name, failed.code]).toEqual([name, 'address_refused']);
    }
  });
});

describe('a version', () => {
  const files = { 'etc/a': 'a' };
  const livePolicy = (world: World, set: Partial<InterventionPolicy>) =>
    policy(world, 'module_promote_to_live', set);

  async function blessed(world: World, name: string): Promise<Version> {
    await world.register(name, key);
    const version = await world.ingest({ name, files }, 'v1.0.0', key);

    for (const to of ['staging', 'blessed']) {
      const { id } = await promoteVersion(world.services, world.caller, { id: version.id, to });
      await world.operation(id, 'succeeded');
    }

    return version;
  }

  async function askedLive(world: World, version: Version) {
    const { id } = await promoteVersion(world.services, world.caller, {
      id: version.id,
      to: 'live',
    });
    const { approval_id } = await world.operation(id, 'awaiting_approval');

    return { id, approve: (by: Caller) => decide(world, approval_id ?? '', by) };
  }

  const decide = (world: World, id: string, by: Caller) =>
    decideApproval(world.services, by, { id, decision: 'approve', comment: null });

  it('cannot go live with the approval of an unknown token or of another account’s reviewer', async ({
    registry,
    world,
  }) => {
    const version = await blessed(world, 'tokens');
    const { id, approve } = await askedLive(world, version);
    const second: Caller = { ...world.caller, actor: 'token:second', roles: ['reviewer'] };

    await expect(approve(second)).rejects.toMatchObject({ code: 'forbidden' });
    const foreign = await World.create(registry.host);

    await expect(approve(as(await foreign.reviewer()))).rejects.toMatchObject({
      code: 'not_found',
    });
    expect((await world.version('tokens', version.digest))?.promotion_state).toBe('blessed');
    await approve(as(rita));
    await world.operation(id, 'succeeded');
    expect((await world.version('tokens', version.digest))?.promotion_state).toBe('live');
  });

  it('cannot go live once the action is denied, although it was asked for and approved', async ({
    world,
  }) => {
    const version = await blessed(world, 'denied');
    const { id, approve } = await askedLive(world, version);

    await livePolicy(world, { decision: 'deny' });
    try {
      await approve(as(rita));
      expect(await world.operation(id)).toMatchObject({ state: 'failed', code: 'policy_denied' });
    } finally {
      await livePolicy(world, {});
    }

    expect((await world.version('denied', version.digest))?.promotion_state).toBe('blessed');
  });

  it('cannot go live on one approval once the policy asks for two', async ({ world }) => {
    const version = await blessed(world, 'quorum');
    const { id, approve } = await askedLive(world, version);

    await livePolicy(world, { quorum: 2 });
    try {
      await approve(as(rita));
      expect(await world.operation(id)).toMatchObject({
        state: 'failed',
        code: 'approval_required',
      });
    } finally {
      await livePolicy(world, {});
    }

    expect((await world.version('quorum', version.digest))?.promotion_state).toBe('blessed');
  });

  it('cannot skip approval by loosening the policy first', async ({ world }) => {
    const loose = { ...defaultPolicy('module_promote_to_live'), decision: 'allow' as const };
    const { id } = await changePolicy(world.services, world.caller, loose);
    expect(await world.operation(id, 'awaiting_approval')).toMatchObject({
      actions: ['policy_loosen'],
    });
  });

  it('of another account cannot reach a machine before that account blessed it', async ({
    registry,
    world,
  }) => {
    await world.register('shared', key, { visibility: 'public' });
    const version = await world.ingest({ name: 'shared', files }, 'v1.0.0', key);
    const { id } = await promoteVersion(world.services, world.caller, {
      id: version.id,
      to: 'staging',
    });

    await world.operation(id, 'succeeded');

    const user = await World.create(registry.host);
    const { services, caller, account } = user;
    const template = await createTemplate(services, caller, {
      name: 'web',
      platform: 'ubuntu-24.04-amd64',
    });

    await createInstance(services, caller, {
      name: 'node',
      template_id: template.id,
      track: 'staging',
    });

    const module = `${world.account}/shared`;
    const { operation } = await assignModule(services, caller, {
      template_id: template.id,
      module,
    });

    await user.operation(operation.id, 'succeeded');
    const composed = await eventually('the composition with the assignment', async () => {
      const composition = await getComposition(services.db, account, template.id, 'staging');
      return composition !== null && composition.template_revision > template.revision
        ? composition
        : null;
    });

    const { report } = JSON.parse(await textOf(user, composed.report_key));
    expect(report.layers).toEqual([]);
    expect(report.warnings.join()).toContain('has no version for track staging and is left out');
  });
});

async function textOf({ services }: World, objectKey: string): Promise<string> {
  return Buffer.from(await getBytes(services.objects, objectKey)).toString();
}
