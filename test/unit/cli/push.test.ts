import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBuilds } from '../../../cli/push/builds.ts';
import { indexManifest, toOciPlatform } from '../../../cli/push/index-manifest.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-push-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function write(...paths: string[]): Promise<string> {
  const base = await mkdtemp(join(directory, 'dist-'));
  for (const path of paths) {
    await mkdir(join(base, path, '..'), { recursive: true });
    await writeFile(join(base, path), path);
  }
  return base;
}

describe('the builds at a path are', () => {
  test('one tar, or the one of a directory, even beside others', async () => {
    const dist = await write('module.tar', 'sbom.cdx.json', 'debian-12-amd64/module.tar');
    const build = [{ tar: join(dist, 'module.tar'), platform: null }];
    expect(await findBuilds(join(dist, 'module.tar'))).toEqual(build);
    expect(await findBuilds(dist)).toEqual(build);
  });

  test('one for each directory with a tar, sorted', async () => {
    const dist = await write('b-arm64/module.tar', 'a-amd64/module.tar', 'logs/a.log', 'note.txt');
    expect((await findBuilds(dist)).map(({ platform }) => platform)).toEqual([
      'a-amd64',
      'b-arm64',
    ]);
  });

  test.each([
    ['nothing', ''],
    ['no such path', 'none'],
    ['a directory in place of the tar', 'strange'],
  ])('not %s', async (_, path) => {
    const dist = await write('other/file', 'strange/module.tar/file');
    await expect(findBuilds(join(dist, path || 'other'))).rejects.toMatchObject({
      code: 'io_error',
    });
  });
});

describe('an index', () => {
  test('names the platform of each manifest for Gantry and for other tools', () => {
    const entry = { digest: `sha256:${'0'.repeat(64)}`, size: 7 };
    const { manifests, ...index } = indexManifest([{ ...entry, platform: 'debian-12-arm64' }]);

    expect(index).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      artifactType: 'application/vnd.powernode.module.v1',
    });
    expect(manifests).toEqual([
      {
        ...entry,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        artifactType: 'application/vnd.powernode.module.v1',
        annotations: { 'vnd.powernode.module.platform': 'debian-12-arm64' },
        platform: { architecture: 'arm64', os: 'linux', variant: 'v8' },
      },
    ]);
  });

  test.each([
    ['ubuntu-24.04-amd64', { architecture: 'amd64' }],
    ['debian-12-armhf', { architecture: 'arm', variant: 'v7' }],
    ['debian-13-riscv64', { architecture: 'riscv64' }],
    ['debian-12-constructor', { architecture: 'constructor' }],
  ])('has %s by the names of OCI', (platform, expected) => {
    expect(toOciPlatform(platform)).toEqual({ os: 'linux', ...expected });
  });

  test.each(['amd64', '-amd64', 'Debian-amd64', 'a/../b-amd64'])(
    'takes no directory %j',
    (name) => {
      expect(() => toOciPlatform(name)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );
});
