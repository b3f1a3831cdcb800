import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTarget } from '../../../../../cli/input/registry-target.ts';
import { pushModule } from '../../../../../cli/push/push-module.ts';
import { cosignFixtures } from '../../../../../scripts/cosign-fixtures.ts';
import {
  type DockerRegistry,
  startDockerRegistry,
} from '../../../../../scripts/docker-registry.ts';
import { DebianArchive } from '../../../../support/debian-archive.ts';
import { runGantry } from '../../../../support/gantry.ts';
import { PackageWorkspace } from '../../../../support/package-workspace.ts';
import { missing } from '../../../../support/requirements.ts';

const needed = ['root', 'mmdebstrap', 'gpg', 'setcap', 'docker-registry'] as const;
const reason = needed.map(missing).find((why) => why !== undefined);

const keyFile = (name: string) => join(cosignFixtures, 'keys', name);
const trusting = (key: string) => ['--key', keyFile(key), '--no-require-tlog'];

describe.skipIf(reason)(`gantry module build --require${reason ? ` (${reason})` : ''}`, () => {
  let archive: DebianArchive;
  let workspace: PackageWorkspace;
  let registry: DockerRegistry;
  /** The reference of the index, and of its first build by its digest. */
  let index: string;
  let one: string;

  beforeAll(async () => {
    archive = new DebianArchive();
    archive.add({ name: 'redis-tools', files: { '/usr/bin/redis-cli': 'cli' } });
    workspace = new PackageWorkspace(archive);
    workspace.module('redis', 'package_spec: [redis-tools]\ndependencies: {requires: [base]}\n');
    registry = await startDockerRegistry();
    index = `${registry.host}/acme/base:v1`;
    one = await pushBase();
  }, 60_000);

  afterAll(async () => {
    await registry?.stop();
    workspace?.remove();
    archive?.remove();
  });

  function run(line: readonly string[], epoch = '1700000000') {
    const env = {
      HOME: workspace.directory,
      XDG_CACHE_HOME: join(workspace.directory, 'cache'),
      COSIGN_PASSWORD: '',
      SOURCE_DATE_EPOCH: epoch,
    };
    return runGantry(['module', ...line], { env });
  }

  /** Pushes builds for two platforms as an index. @returns the reference of the first */
  async function pushBase(): Promise<string> {
    const directory = workspace.module('base', 'file_spec: ["/**"]\n', {
      'rootfs/etc/base.conf': 'base\n',
    });
    const out = join(workspace.directory, 'builds');
    for (const [platform, epoch] of [
      ['debian-12-amd64', '1700000000'],
      ['debian-13-amd64', '1700000001'],
    ] as const) {
      const line = ['build', directory, '--platform', platform, '--out', join(out, platform)];
      expect(await run(line, epoch)).toMatchObject({ code: 0 });
    }

    const { builds } = await pushModule(await openTarget(index, {}), out, () => {});
    return `${registry.host}/acme/base@${builds[0].digest}`;
  }

  async function build(place: string, ...flags: string[]) {
    const archiveFlags = ['--mirror', archive.mirror, '--keyring', archive.keyring];
    const directory = join(workspace.directory, 'redis');
    const line = ['build', directory, '--require', `base=${place}`, ...archiveFlags, ...flags];
    const { code, stderr } = await run(line);
    return { code, stderr };
  }

  test('wants a key, or --unverified, before it asks the registry', async () => {
    const { code, stderr } = await build('127.0.0.1:1/acme/base:v1');
    expect(code).toBe(2);
    expect(stderr).toMatch(/signature of 127\.0\.0\.1:1\/acme\/base:v1.*--unverified.*\(usage\)/s);
  });

  test('refuses a base without a signature, and warns of it with --unverified', async () => {
    expect(await build(index, ...trusting('good.pub'))).toEqual({
      code: 2,
      stderr: expect.stringMatching(/required module .*acme\/base@sha256:.*\(unsigned\)/s),
    });

    expect(await build(index, '--unverified')).toEqual({
      code: 0,
      stderr: expect.stringMatching(
        /warning: nobody verified the signature of base: .*acme\/base@sha256:[0-9a-f]{64}\n/,
      ),
    });
  }, 60_000);

  test('refuses an index of which one build only is signed, and takes that build', async () => {
    expect(await run(['sign', one, '--key', keyFile('good.key')])).toMatchObject({ code: 0 });

    expect(await build(index, ...trusting('good.pub'))).toEqual({
      code: 2,
      stderr: expect.stringContaining('(unsigned)'),
    });

    const taken = await build(one, ...trusting('good.pub'));
    expect(taken.code).toBe(0);
    expect(taken.stderr).not.toContain('nobody verified');
  }, 60_000);

  test('takes an index that is signed whole, by no other key', async () => {
    expect(await run(['sign', index, '--key', keyFile('good.key')])).toMatchObject({ code: 0 });

    expect(await build(index, ...trusting('wrong.pub'))).toEqual({
      code: 2,
      stderr: expect.stringContaining('(key_mismatch)'),
    });

    const taken = await build(index, ...trusting('good.pub'));
    expect(taken.code).toBe(0);
    expect(taken.stderr).not.toContain('nobody verified');
  }, 60_000);
});
