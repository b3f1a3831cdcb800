import { readFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import type { ErrorCode } from '../../../shared/base/error-codes.ts';
import type { Candidate } from '../../../shared/domain/candidates/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import { mediaTypes, type RegistryClient } from '../../../shared/registry/index.ts';
import { getBytes, hasObject, objectKeys } from '../../../shared/store/objects.ts';
import { overwriteBlob } from '../../support/docker-registry.ts';
import {
  layerType,
  moduleTar,
  offSchedule,
  pushLayers,
  pushManifest,
  sha256,
  signDigest,
  walk,
} from '../../support/flow.ts';
import { type Flow, proxiedFlowTest as it } from '../../support/set-up.ts';
import { rawMember, tarEnd } from '../../support/tar-archive.ts';
import { directoryEntry, fileEntry } from '../../support/trees.ts';
import { authorKey } from '../../support/world.ts';

const key = authorKey();

type Push = (repository: string) => Promise<{ digest: string }>;

/**
 * Registers a module, pushes and really signs an artifact, takes it through poll, verify and
 * ingest.
 */
async function ingest(
  { client, world, services }: Flow,
  name: string,
  push: Push,
  platforms: string[] = [],
): Promise<Candidate> {
  await world.register(name, key, { platforms });
  await offSchedule(services, world.account, name);

  const repository = `${world.account}/${name}`;
  const { digest } = await push(repository);

  await signDigest(client, repository, digest, key);
  return walk(services, world.account, name, digest);
}

const manifestOf = (name: string, more = {}) =>
  JSON.stringify({ schema_version: 1, name, file_spec: ['/**'], ...more });

/** A tree of one file. */
const content = Buffer.from('content of the only file\n');
const tree = [directoryEntry('/'), fileEntry('/file', content)];
const tarOf = (manifestJson: string, entries: TreeEntry[] = tree) =>
  moduleTar(manifestJson, entries, new Map([['/file', content]]));

const pushTar = (client: RegistryClient, tar: Buffer, mediaType?: string): Push => {
  return (repository) =>
    pushLayers(client, repository, 'v1.0.0', [{ bytes: tar, ...(mediaType && { mediaType }) }]);
};

describe('a module in a registry', () => {
  it('becomes a built version on the deployed stack once it is signed by a trusted key', async ({
    world,
  }) => {
    await world.register('nginx', key);
    const source = { name: 'nginx', files: { 'etc/nginx/nginx.conf': 'worker_processes 1;\n' } };
    const version = await world.ingest(source, 'v1.2.3', key);

    expect(version).toMatchObject({
      promotion_state: 'built',
      version_string: '1.2.3',
      tags: ['v1.2.3'],
      builds: [
        {
          platform: 'any',
          entries: 4,
          composefs_digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        },
      ],
    });

    expect(version.signatures).toMatchObject([{ verified: true, code: 'verified' }]);
  });

  it('waits for its signature, and takes a late one', async ({ world }) => {
    await world.register('late', key);
    const digest = await world.push(
      await world.build({ name: 'late', files: { 'etc/late': 'x' } }),
      'late',
      'v0.1.0',
    );

    await world.poll('late');
    expect((await world.inState('late', digest, 'awaiting_signature')).code).toBe(
      'awaiting_signature',
    );
    await world.sign('late', digest, key);
    await world.poll('late');
    await world.inState('late', digest, 'ingested');
  });

  it('is shown as rejected with the reason when somebody else signed it', async ({ world }) => {
    await world.register('wrong', key);
    const digest = await world.publish(
      { name: 'wrong', files: { 'etc/wrong': 'x' } },
      'v0.1.0',
      authorKey(),
    );

    await world.poll('wrong');
    const rejected = await world.inState('wrong', digest, 'rejected');

    expect(rejected).toMatchObject({
      code: 'key_mismatch',
      message: expect.stringContaining('expected'),
    });
    expect(await world.version('wrong', digest)).toBeNull();
  });

  it('of a Debian-like tree passes, absolute symlinks and all, and its files lie where the index says', async ({
    flow,
    client,
    world,
    services,
  }) => {
    const link = (path: string, target: string) => {
      return directoryEntry(path, { type: 'symlink', mode: 0o777, target, size: target.length });
    };
    const entries = [
      ...['/', '/etc', '/etc/alternatives', '/usr', '/usr/bin', '/usr/lib', '/var', '/var/lib'].map(
        (path) => directoryEntry(path),
      ),
      link('/bin', 'usr/bin'),
      link('/lib', '/usr/lib'),
      link('/etc/alternatives/awk', '/usr/bin/mawk'),
      link('/usr/bin/awk', '/etc/alternatives/awk'),
      link('/var/run', '/run'),
      link('/etc/dangling', '../../../../nowhere'),
      fileEntry('/file', content),
      fileEntry('/usr/bin/mawk', Buffer.alloc(0), { mode: 0o4755 }),
    ];

    const tar = await tarOf(manifestOf('debian'), entries);
    expect(await ingest(flow, 'debian', pushTar(client, tar))).toMatchObject({
      state: 'ingested',
      code: null,
    });

    const stored = await getBytes(
      services.objects,
      objectKeys.artifact(world.account, sha256(tar)),
    );
    expect(sha256(stored)).toBe(sha256(tar));
    expect(stored.subarray(tar.indexOf(content)).subarray(0, content.length)).toEqual(
      new Uint8Array(content),
    );
  });
});

describe('an index', () => {
  const platform = (architecture: string, os = 'linux', variant?: string) => ({
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
  });

  /** An index of artifacts that are pushed by digest alone, each with what its entry says of it. */
  const pushIndex = (
    client: RegistryClient,
    name: string,
    entries: { says: object; mode: number; tar?: Buffer }[],
  ): Push => {
    return async (repository) => {
      const manifests: object[] = [];
      for (const { says, mode, tar } of entries) {
        const bytes =
          tar ??
          (await tarOf(manifestOf(name), [
            directoryEntry('/'),
            fileEntry('/file', content, { mode }),
          ]));
        manifests.push({ ...(await pushLayers(client, repository, null, [{ bytes }])), ...says });
      }

      return pushManifest(client, repository, 'v1.0.0', mediaTypes.index, { manifests });
    };
  };

  it('gives one version with a build a platform', async ({ flow, client, world }) => {
    const annotations = { 'vnd.powernode.module.platform': 'ubuntu-24.04-amd64' };
    const push = pushIndex(client, 'multi', [
      { says: { annotations, ...platform('amd64') }, mode: 0o644 },
      { says: platform('arm64'), mode: 0o600 },
      // moby/moby#37647, #41017; docker/buildx#304: both in one index.
      { says: platform('arm', 'linux', 'v6'), mode: 0o640 },
      { says: platform('arm', 'linux', 'v7'), mode: 0o604 },
      {
        says: platform('unknown', 'unknown'),
        mode: 0,
        tar: Buffer.from('an attestation of a builder'),
      },
    ]);

    const { digest } = await ingest(flow, 'multi', push);
    const builds = (await world.version('multi', digest))?.builds ?? [];

    expect(builds.map((build) => build.platform)).toEqual([
      'ubuntu-24.04-amd64',
      'linux-arm64',
      'linux-arm-v6',
      'linux-arm-v7',
    ]);
    expect(new Set(builds.map((build) => build.composefs_digest)).size).toBe(4);
  });

  it.for<[string, ErrorCode, Parameters<typeof pushIndex>[2]]>([
    ['no platform', 'platform_missing', [{ says: {}, mode: 0o644 }]],
    [
      'one platform twice',
      'artifact_invalid',
      [0o644, 0o600].map((mode) => ({ says: platform('amd64'), mode })),
    ],
  ])('with %s is refused: %s', async ([_, code, entries], { flow, client }) => {
    const name = `index-${code.replace('_', '-')}`;
    expect(await ingest(flow, name, pushIndex(client, name, entries))).toMatchObject({
      state: 'rejected',
      code,
    });
  });

  it('is one platform’s where the module has one and the artifact is no index', async ({
    flow,
    client,
    world,
  }) => {
    const { digest } = await ingest(
      flow,
      'single',
      pushTar(client, await tarOf(manifestOf('single'))),
      ['ubuntu-24.04-amd64'],
    );
    expect((await world.version('single', digest))?.builds).toMatchObject([
      { platform: 'ubuntu-24.04-amd64' },
    ]);
  });
});

/** A module tar with members that no tar program would write after the tree. */
async function hostileTar(name: string, ...members: Buffer[]): Promise<Buffer> {
  const tar = await tarOf(manifestOf(name));
  return Buffer.concat([tar.subarray(0, tar.length - tarEnd.length), ...members, tarEnd]);
}

describe('a signed artifact', () => {
  const file = (name: string) => rawMember({ name }, 'x');
  const symlink = (name: string, link: string) =>
    rawMember({ name, type: '2', link, mode: '0000777\0' });

  const artifacts: [string, ErrorCode, (name: string) => Promise<Buffer>][] = [
    [
      'a manifest of wrong types',
      'ModuleManifestSchemaError',
      (name) => tarOf(manifestOf(name, { mask: 'not a list' })),
    ],
    [
      'unknown keys in its manifest',
      'ModuleManifestSchemaError',
      (name) => tarOf(manifestOf(name, { colour: 'red' })),
    ],
    ['a manifest that is not JSON', 'ModuleManifestSchemaError', () => tarOf('schema_version: 1')],
    [
      'a manifest too large for a row',
      'manifest_too_large',
      (name) => tarOf(manifestOf(name, { mask: manyGlobs })),
    ],
    ['the name of another module', 'name_mismatch', () => tarOf(manifestOf('somebody-else'))],
    [
      'another tree than its composefs-digest',
      'composefs_digest_mismatch',
      (name) => hostileTar(name, file('rootfs/x')),
    ],
    [
      'a path with ..',
      'tar_path_traversal',
      (name) => hostileTar(name, file('rootfs/../../etc/passwd')),
    ],
    ['an absolute path', 'tar_path_absolute', (name) => hostileTar(name, file('/etc/passwd'))],
    [
      'an entry through a symlink',
      'tar_path_through_symlink',
      (name) => hostileTar(name, symlink('rootfs/out', '/etc'), file('rootfs/out/passwd')),
    ],
    [
      'the same entry twice',
      'tar_duplicate_entry',
      (name) => hostileTar(name, file('rootfs/file')),
    ],
    [
      'a device',
      'tar_device_refused',
      (name) => hostileTar(name, rawMember({ name: 'rootfs/null', type: '3' })),
    ],
    [
      'an end before its end',
      'tar_truncated',
      async (name) => (await tarOf(manifestOf(name))).subarray(0, 3000),
    ],
  ];

  const manyGlobs = Array.from({ length: 20_000 }, (_, i) => `/usr/share/doc/${i}`);

  it.concurrent.for(artifacts)(
    'with %s is refused: %s',
    async ([what, code, make], { flow, client, world }) => {
      const name = what
        .toLowerCase()
        .replace(/[^a-z]+/g, '-')
        .replace(/-$/, '');
      const tar = await make(name);
      const refused = await ingest(flow, name, pushTar(client, tar));

      expect(refused).toMatchObject({ state: 'rejected', code, next_verify_at: null });
      expect(refused.message?.length).toBeGreaterThan(20);
      expect(await world.version(name, refused.digest)).toBeNull();
    },
  );

  it.concurrent.for<[string, string[]]>([
    ['two layers', [layerType, layerType]],
    ['no layer', []],
    ['a layer of another type', ['application/vnd.oci.image.layer.v1.tar']],
  ])('with %s is refused: media_type_unsupported', async ([what, types], { flow, client }) => {
    const name = `layers-${what.replaceAll(' ', '-')}`;
    const tar = await tarOf(manifestOf(name));
    const layers = types.map((mediaType, index) => ({
      bytes: Buffer.concat([tar, Buffer.alloc(index)]),
      mediaType,
    }));
    const refused = await ingest(flow, name, (repository) =>
      pushLayers(client, repository, 'v1.0.0', layers),
    );

    expect(refused).toMatchObject({ state: 'rejected', code: 'media_type_unsupported' });
    expect(refused.message).toContain(layerType);
  });

  it.concurrent.for([
    [
      'tampered',
      'blob_digest_mismatch',
      (tar: Buffer) => Buffer.from(tar).fill(0x58, tar.indexOf('only'), tar.indexOf('only') + 4),
    ],
    ['truncated', 'blob_size_mismatch', (tar: Buffer) => tar.subarray(0, 2048)],
    [
      'replaced',
      'blob_digest_mismatch',
      (tar: Buffer) => Buffer.from('<html>Sign in</html>'.padEnd(tar.length, ' ')),
    ],
  ] as const)(
    'whose layer is %s is refused until it is whole again',
    async ([how, code, change], { flow, registry, client, world, services }) => {
      const name = `layer-${how}`;
      const tar = await tarOf(manifestOf(name));

      const refused = await ingest(flow, name, async (repository) => {
        const pushed = await pushLayers(client, repository, 'v1.0.0', [{ bytes: tar }]);
        await overwriteBlob(registry, sha256(tar), change(tar));
        return pushed;
      });

      expect(refused).toMatchObject({ state: 'rejected', code });
      expect(refused.next_verify_at).not.toBeNull();
      expect(await world.version(name, refused.digest)).toBeNull();
      expect(
        await hasObject(services.objects, objectKeys.artifact(world.account, sha256(tar))),
      ).toBe(false);

      const again = await walk(services, world.account, name, refused.digest);
      expect(Date.parse(again.next_verify_at ?? '')).toBeGreaterThan(
        Date.parse(refused.next_verify_at ?? '') + 20_000,
      );

      await overwriteBlob(registry, sha256(tar), tar);
      expect(await walk(services, world.account, name, refused.digest)).toMatchObject({
        state: 'ingested',
        code: null,
      });
    },
  );
});

describe('a registry that fails while a layer is read', () => {
  it('is no verdict: the candidate stays verified, the code is shown, it is tried again', async ({
    flow,
    proxy,
    client,
    world,
    services,
  }) => {
    let broken = true;
    proxy.interfere = (request, response) => {
      if (!broken || request.method !== 'GET' || !/\/flaky\/blobs\//.test(request.url ?? ''))
        return false;

      // The signature's bundle is a blob as well, and smaller than any tar.
      const layer = request.url?.endsWith(layerHex) ?? false;
      if (layer) response.writeHead(500).end();
      return layer;
    };

    const tar = await readFile(await world.build({ name: 'flaky', files: { 'etc/flaky': 'x' } }));
    const layerHex = sha256(tar).slice(7);
    const postponed = await ingest(flow, 'flaky', pushTar(client, tar));

    expect(postponed).toMatchObject({ state: 'verified', code: 'registry_error', attempts: 1 });
    expect(Date.parse(postponed.next_verify_at ?? '')).toBeLessThan(Date.now() + 60_000);
    broken = false;
    expect(await walk(services, world.account, 'flaky', postponed.digest)).toMatchObject({
      state: 'ingested',
    });
  });
});
