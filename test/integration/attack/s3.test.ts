import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, describe, expect } from 'vitest';
import { enroll } from '../../../agent/enroll.ts';
import { runOnce } from '../../../agent/run.ts';
import { composeTemplate } from '../../../shared/actions/compose/index.ts';
import type { Services } from '../../../shared/actions/context/index.ts';
import { readFileIndex } from '../../../shared/actions/files/index.ts';
import { ingestCandidate } from '../../../shared/actions/ingest/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { reconcileInstance } from '../../../shared/actions/reconcile/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import { encodeFileIndex } from '../../../shared/artifact/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { getInstance } from '../../../shared/store/machines/index.ts';
import { getBytes, objectKeys } from '../../../shared/store/objects.ts';
import { offSchedule, pollAlone, sha256, walk } from '../../support/flow.ts';
import { raise } from '../../support/operations.ts';
import { type Flow, flowTest as it } from '../../support/set-up.ts';
import { assign } from '../../support/stored.ts';
import { authorKey, type World } from '../../support/world.ts';

const key = authorKey();
const page =
  'a page of more than sixty-four bytes, so that it lies in the store and not in the image itself\n';
const motd =
  'I am ${instance.hostname}, says a file that is longer than what is kept in file indexes themselves\n';
let template: Template;
let site: Version;
let greeting: Version;
let directory: string;

it.beforeAll(async ({ flow, world, services }) => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-machines-'));
  await world.register('site', key);
  await world.register('motd', key, { variety: 'instance' });
  site = await world.ingest({ name: 'site', files: { 'srv/index.html': page } }, 'v1.0.0', key);
  greeting = await world.ingest({ name: 'motd', files: { 'etc/motd': motd } }, 'v1.0.0', key);
  await Promise.all([site, greeting].map((version) => raise(world, version, 'staging')));
  template = await createTemplate(services, world.caller, { name: 'web', platform: 'any' });
  for (const module of ['site', 'motd'])
    await assign(services.db, template, `${world.account}/${module}`);
  await compose(flow);
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

const compose = ({ world, services }: Flow) =>
  composeTemplate(services, { account: world.account, template_id: template.id, track: 'staging' });
const composed = ({ world, services }: Flow) =>
  getComposition(services.db, world.account, template.id, 'staging');

function buildOf({ builds: [build] }: Version) {
  if (build === undefined) throw new Error('expected a build');
  return build;
}
const layerKey = (world: World, version: Version) =>
  objectKeys.artifact(world.account, buildOf(version).layer_digest);
const indexOf = (services: Services, version: Version) =>
  readFileIndex(services.objects, buildOf(version).file_index_key);

async function put(services: Services, Key: string, Body: Uint8Array): Promise<void> {
  const { s3, bucket } = services.objects;
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
}

/** Has an object be other bytes while something is done. */
async function swapped(
  services: Services,
  objectKey: string,
  other: Uint8Array,
  work: () => Promise<unknown>,
): Promise<void> {
  const own = await getBytes(services.objects, objectKey);
  await put(services, objectKey, other);

  try {
    await work();
  } finally {
    await put(services, objectKey, own);
  }
}

/** An instance of the template that has no desired state yet. */
function newInstance({ world, services }: Flow, name: string) {
  const input = {
    name,
    template_id: template.id,
    track: 'staging',
    metadata: { hostname: name },
  } as const;
  return createInstance(services, world.caller, input);
}

const change = (path: string, set: Partial<TreeEntry>) => (entries: TreeEntry[]) =>
  encodeFileIndex(entries.map((entry) => (entry.path === path ? { ...entry, ...set } : entry)));
const added: TreeEntry = {
  path: '/srv/evil',
  type: 'file',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtime_ns: 0,
  size: 4,
  content: Buffer.from('evil').toString('base64'),
};

describe('a writer of file indexes', () => {
  it.for<[string, (entries: TreeEntry[], by: Services) => Promise<Uint8Array> | Uint8Array]>([
    ['other content', change('/srv/index.html', { verity: '0'.repeat(64) })],
    ['more rights', change('/srv/index.html', { mode: 0o4755 })],
    ['a file more', (entries) => encodeFileIndex([...entries, added])],
    ['a file less', (entries) => encodeFileIndex(entries.slice(0, -1))],
    ['what another module ships', async (_, by) => encodeFileIndex(await indexOf(by, greeting))],
    ['what is no list', () => gzipSync('{}')],
    ['what is no JSON', () => gzipSync('[')],
    ['what is not compressed', () => Buffer.from('[]')],
  ])('cannot have a template composed of %s', async ([_, forge], { flow, services }) => {
    const before = await composed(flow);
    await swapped(
      services,
      buildOf(site).file_index_key,
      await forge(await indexOf(services, site), services),
      async () => {
        await expect(compose(flow)).rejects.toMatchObject({ code: 'io_error' });
      },
    );
    expect(await composed(flow)).toEqual(before);
  });

  it('cannot have another place in the tar rendered and signed for a machine', async ({
    flow,
    world,
    services,
  }) => {
    const { instance } = await newInstance(flow, 'moved');
    const [file] = (await indexOf(services, greeting)).filter(({ path }) => path === '/etc/motd');
    const moved = change('/etc/motd', { offset: (file?.offset ?? 0) - 512 });

    await swapped(
      services,
      buildOf(greeting).file_index_key,
      await moved(await indexOf(services, greeting)),
      async () => {
        await compose(flow);
        await expect(reconcile(flow, instance.id)).rejects.toMatchObject({ code: 'io_error' });
      },
    );

    await compose(flow);
    expect((await getInstance(services.db, world.account, instance.id))?.desired_version).toBe(0);
  });
});

const reconcile = ({ world, services }: Flow, instance_id: string) =>
  reconcileInstance(services, { account: world.account, instance_id });

/** A layer as its author did not sign it, of the same length. */
function altered(layer: Uint8Array): Uint8Array {
  const text = Buffer.from(layer).toString('latin1');
  return Buffer.from(text.replaceAll('I am', 'I AM').replaceAll('a page', 'A PAGE'), 'latin1');
}
const alteredLayer = async ({ world, services }: Flow, version: Version) =>
  altered(await getBytes(services.objects, layerKey(world, version)));

describe('a writer of artifacts', () => {
  it('cannot have other bytes rendered and signed for a machine', async ({
    flow,
    world,
    services,
  }) => {
    const { instance } = await newInstance(flow, 'rendered');
    await swapped(
      services,
      layerKey(world, greeting),
      await alteredLayer(flow, greeting),
      async () => {
        await expect(reconcile(flow, instance.id)).rejects.toMatchObject({ code: 'io_error' });
      },
    );
    expect((await getInstance(services.db, world.account, instance.id))?.desired_version).toBe(0);
    await reconcile(flow, instance.id);
    expect((await getInstance(services.db, world.account, instance.id))?.desired_version).toBe(1);
  });

  it('cannot have bytes taken in that lie under the name of a layer before it comes', async ({
    world,
    services,
  }) => {
    await world.register('planted', key);
    await offSchedule(services, world.account, 'planted');

    const tar = await world.build({ name: 'planted', files: { 'etc/a': page } });
    const bytes = await readFile(tar);

    await put(services, objectKeys.artifact(world.account, sha256(bytes)), altered(bytes));
    const digest = await world.push(tar, 'planted', 'v1.0.0');

    await world.sign('planted', digest, key);
    const candidate = await walk(services, world.account, 'planted', digest);

    expect(candidate).toMatchObject({ state: 'rejected', code: 'blob_digest_mismatch' });
    expect(await world.version('planted', digest)).toBeNull();
  });
});

describe('a writer of stored signatures', () => {
  it('cannot have an artifact taken in by other signatures than those that were judged', async ({
    world,
    services,
  }) => {
    await world.register('judged', key);
    await offSchedule(services, world.account, 'judged');

    const digest = await world.publish({ name: 'judged', files: { 'etc/a': 'a' } }, 'v1.0.0', key);
    const { id } = await pollAlone(services, world.account, 'judged', digest);
    const message = { account: world.account, module: 'judged', version_id: id };

    await verifyCandidate(services, message);
    const { stored_signatures_key } = (await world.candidate('judged', digest)) ?? {};

    await swapped(
      services,
      stored_signatures_key ?? '',
      await getBytes(services.objects, site.stored_signatures_key),
      () => ingestCandidate(services, message),
    );
    expect(await world.version('judged', digest)).toBeNull();
    expect(await world.candidate('judged', digest)).toMatchObject({
      state: 'verified',
      code: 'signature_refused',
    });
    await ingestCandidate(services, message);
    expect(await world.version('judged', digest)).not.toBeNull();
  });
});

describe('a machine', () => {
  it.for<[string, string, (world: World) => string, (flow: Flow) => Promise<Uint8Array>]>([
    [
      'a layer',
      'layer_mismatch',
      (world) => layerKey(world, site),
      (flow) => alteredLayer(flow, site),
    ],
    [
      'a manifest',
      'layer_mismatch',
      (world) => objectKeys.artifact(world.account, site.digest),
      ({ services, world }) =>
        getBytes(services.objects, objectKeys.artifact(world.account, greeting.digest)),
    ],
    [
      'stored-signatures',
      'signature_refused',
      () => site.stored_signatures_key,
      ({ services }) => getBytes(services.objects, greeting.stored_signatures_key),
    ],
  ])(
    'lays out nothing while %s is replaced, and everything after it is restored',
    async ([what, code, keyOf, forge], { flow, world, services }) => {
      const { instance, join_token } = await newInstance(flow, what.replace(' ', '-'));
      await reconcile(flow, instance.id);

      const machine = { dir: join(directory, instance.id), token: join_token };
      await enroll(machine);
      await swapped(services, keyOf(world), await forge(flow), async () => {
        const { report, generation } = await runOnce(machine);
        expect({ ...report, generation }).toMatchObject({ status: 'refused', code, generation: 0 });
      });
      expect(await readdir(machine.dir)).not.toContain('current');
      expect((await runOnce(machine)).report).toMatchObject({ status: 'applied', code: null });
      expect(await readFile(join(machine.dir, 'current/srv/index.html'), 'utf8')).toBe(page);
    },
  );
});
