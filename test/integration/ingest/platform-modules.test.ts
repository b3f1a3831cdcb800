import { zstdCompressSync } from 'node:zlib';
import { expect } from 'vitest';
import { readFileIndex } from '../../../shared/actions/files/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { assignModule } from '../../../shared/actions/operations/index.ts';
import { pollRepository } from '../../../shared/actions/poll/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import type { ErrorCode } from '../../../shared/base/error-codes.ts';
import type { Candidate } from '../../../shared/domain/candidates/index.ts';
import { mediaTypes, type RegistryClient } from '../../../shared/registry/index.ts';
import { getBytes, objectKeys } from '../../../shared/store/objects.ts';
import { offSchedule, pushManifest, sha256, signDigest, walk } from '../../support/flow.ts';
import { directory, file, hardLink, symlink } from '../../support/hostile/members.ts';
import { type ImageLayer, labelsOf, pushImage } from '../../support/images.ts';
import { promote } from '../../support/operations.ts';
import { type Flow, flowTest as it } from '../../support/set-up.ts';
import { tarEnd } from '../../support/tar-archive.ts';
import { authorKey } from '../../support/world.ts';

const key = authorKey();

const assembly = 'the module’s code '.repeat(100);
const layers: ImageLayer[] = [
  { members: [directory('module'), directory('tmp'), file('tmp/cache', 'c'.repeat(3000))] },
  { members: [file('module/index.js', assembly)], packed: '+zstd' },
  { members: [file('tmp/.wh.cache', '')], packed: '' },
];

/**
 * Registers a module, has an image pushed and really signed, takes it through poll, verify and
 * ingest.
 */
async function ingest(
  { client, world, services }: Flow,
  name: string,
  push: (repository: string) => Promise<{ digest: string }>,
): Promise<Candidate> {
  await world.register(name, key);
  await offSchedule(services, world.account, name);

  const repository = `${world.account}/${name}`;
  const { digest } = await push(repository);

  await signDigest(client, repository, digest, key);
  return walk(services, world.account, name, digest);
}

const image = (
  client: RegistryClient,
  labels: Record<string, string> | null,
  more: ImageLayer[] = layers,
  tag = 'v1.0.0',
) => {
  return (repository: string) => pushImage(client, repository, tag, labels, more);
};

it('a signed image with the labels of its module becomes a version of kind platform, its layers one tar', async ({
  flow,
  client,
  world,
  services,
}) => {
  const { state, digest } = await ingest(flow, 'collector', image(client, labelsOf('collector')));
  expect(state).toBe('ingested');

  const version = await world.version('collector', digest);
  expect(version).toMatchObject({
    kind: 'platform',
    version_string: '1.0.0',
    labels: { title: 'Inventory Collector', version: '1.0.0', module_id: 'collector' },
    builds: [{ platform: 'any', entries: 4 }],
  });

  const [build] = version?.builds ?? [];
  const tar = Buffer.from(
    await getBytes(services.objects, objectKeys.artifact(world.account, build?.layer_digest ?? '')),
  );

  expect(sha256(tar)).toBe(build?.layer_digest);
  const entries = await readFileIndex(services.objects, build?.file_index_key ?? '');

  expect(entries.map(({ path }) => path)).toEqual(['/', '/module', '/module/index.js', '/tmp']);
  const { offset = 0, size = 0 } = entries[2] ?? {};

  expect(tar.toString('utf8', offset, offset + size)).toBe(assembly);
});

/** As containers' zstd:chunked writes a layer: a frame for each file, and metadata to skip. */
function zstdChunked(tar: Buffer): Buffer {
  const skipped = Buffer.from('502a4d1808000000', 'hex');
  const half = tar.length / 2;
  const frames = [tar.subarray(0, half), tar.subarray(half)].map((part) => zstdCompressSync(part));
  return Buffer.concat(frames.flatMap((frame) => [frame, skipped, Buffer.from('metadata')]));
}

it('layers of several zstd frames, and of Docker’s zstd type, are taken (reports zstd-chunked, image-layers)', async ({
  flow,
  client,
  world,
}) => {
  const members = [file('module/a', 'a'.repeat(100_000)), file('module/b', 'b'.repeat(100_000))];
  const { state, digest } = await ingest(
    flow,
    'chunked',
    image(client, labelsOf('chunked'), [
      { members, packed: '+zstd', bytes: zstdChunked(Buffer.concat([...members, tarEnd])) },
      {
        members: [symlink('module/c', 'a'), hardLink('module/d', 'module/c')],
        packed: '+zstd',
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
      },
    ]),
  );

  expect(state).toBe('ingested');
  expect(await world.version('chunked', digest)).toMatchObject({ builds: [{ entries: 6 }] });
});

it('it is of no template: an assignment is refused, and says why', async ({
  flow,
  client,
  world,
}) => {
  const { digest } = await ingest(flow, 'function', image(client, labelsOf('function')));
  const version = await world.version('function', digest);
  if (version === null) throw new Error('expected a version');

  await promote(world, version, 'staging');
  const platform = 'ubuntu-24.04-amd64';
  const template = await createTemplate(world.services, world.caller, {
    name: 'machines',
    platform,
  });
  const instance = { name: 'machine', template_id: template.id, track: 'staging' } as const;

  await createInstance(world.services, world.caller, instance);
  const { operation } = await assignModule(world.services, world.caller, {
    template_id: template.id,
    module: 'function',
  });
  const ended = await world.operation(operation.id);

  expect(ended).toMatchObject({ state: 'failed', code: 'composition_kind_mismatch' });
  expect(ended.message).toContain(`${world.account}/function 1.0.0 is a platform module`);
});

it('a name that only a commit gave it is replaced by the version of its label, and by no other', async ({
  flow,
  client,
  world,
  services,
}) => {
  const commit = 'c'.repeat(40);
  const { digest } = await ingest(flow, 'late', image(client, labelsOf('late'), layers, commit));
  const repository = `${world.account}/late`;
  const { bytes, mediaType } = await client.getManifest(repository, digest);

  const named = async (tag: string) => {
    await client.putManifest(repository, tag, { bytes, mediaType });
    await pollRepository(services, { account: world.account, module: 'late', recheck: true });
    return (await world.version('late', digest))?.version_string;
  };

  expect(await named('v2.0.0')).toBe(`0.0.0+git.${commit.slice(0, 12)}`);
  expect(await named('v1.0.0')).toBe('1.0.0');
});

it('an index of images gives a build a platform, where all have the same labels', async ({
  flow,
  client,
  world,
}) => {
  const index = (name: string, titles: string[]) => async (repository: string) => {
    const manifests = [];
    for (const [n, title] of titles.entries()) {
      const built = await pushImage(client, repository, null, labelsOf(name, '1.0.0', title), [
        { members: [file('arch', `${n}`.repeat(100))] },
      ]);
      manifests.push({ ...built, platform: { os: 'linux', architecture: `a${n}` } });
    }

    return pushManifest(client, repository, 'v1.0.0', mediaTypes.index, { manifests });
  };

  const { digest } = await ingest(flow, 'two', index('two', ['Two', 'Two']));
  expect((await world.version('two', digest))?.builds.map(({ platform }) => platform)).toEqual([
    'linux-a0',
    'linux-a1',
  ]);

  const unlike = await ingest(flow, 'unlike', index('unlike', ['One', 'Two']));
  expect(unlike).toMatchObject({ state: 'rejected', code: 'artifact_invalid' });
});

const good = { members: [file('a')] };
const refused: [
  what: string,
  code: ErrorCode,
  labels: (name: string) => Record<string, string> | null,
  layers: ImageLayer[],
][] = [
  ['another module’s id', 'module_id_mismatch', () => labelsOf('another'), layers],
  ['another version than its tag', 'module_id_mismatch', (name) => labelsOf(name, '1.0.1'), layers],
  ['no labels', 'image_labels_missing', () => null, layers],
  [
    'a title of two lines',
    'image_labels_missing',
    (name) => labelsOf(name, '1.0.0', 'a\nb'),
    layers,
  ],
  [
    'a foreign layer (report of giantswarm/retagger#1234)',
    'media_type_unsupported',
    labelsOf,
    [{ ...good, mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }],
  ],
  ['no layers', 'artifact_invalid', labelsOf, []],
  ['too many layers', 'artifact_invalid', labelsOf, Array.from({ length: 128 }, () => good)],
  [
    'a layer that is not gzip',
    'artifact_invalid',
    labelsOf,
    [{ ...good, bytes: Buffer.from('no gzip') }],
  ],
  [
    'a layer that is not zstd',
    'artifact_invalid',
    labelsOf,
    [{ ...good, packed: '+zstd', bytes: Buffer.from('no zstd at all') }],
  ],
  [
    'a layer of another tar than its config says',
    'artifact_invalid',
    labelsOf,
    [{ ...good, diffId: sha256(Buffer.from('another')) }],
  ],
  [
    'a layer through a symlink of the one below',
    'tar_path_through_symlink',
    labelsOf,
    [{ members: [symlink('etc', '/etc')] }, { members: [file('etc/passwd')] }],
  ],
  ['a layer with ..', 'tar_path_traversal', labelsOf, [{ members: [file('../a')] }]],
];

it.for(refused)(
  'an image with %s is refused: %s',
  async ([what, code, labels, of], { flow, client, world }) => {
    const name = what.replaceAll(/[^a-z]+/g, '-').replace(/-$/, '');
    const candidate = await ingest(flow, name, image(client, labels(name), of));

    expect(candidate).toMatchObject({ state: 'rejected', code });
    expect(candidate.message).toContain('expected');
    expect(await world.version(name, candidate.digest)).toBeNull();
  },
);
