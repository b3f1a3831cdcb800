import { generateKeyPairSync } from 'node:crypto';
import { cpSync, createReadStream, existsSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { BuildResult } from '../../../../../cli/build/build-module.ts';
import { readRequiredArtifact } from '../../../../../cli/build/packages/required-artifact.ts';
import { openTarget } from '../../../../../cli/input/registry-target.ts';
import { pushModule } from '../../../../../cli/push/push-module.ts';
import { signAndAttest } from '../../../../../cli/sign/sign-artifact.ts';
import { createKeyedSigner } from '../../../../../cli/sign/signer.ts';
import { startDockerRegistry } from '../../../../../scripts/docker-registry.ts';
import { readModuleTar, verifyModuleTar } from '../../../../../shared/artifact/index.ts';
import type { SignaturePolicy } from '../../../../../shared/domain/signatures/index.ts';
import { DebianArchive } from '../../../../support/debian-archive.ts';
import { PackageWorkspace } from '../../../../support/package-workspace.ts';
import { missing } from '../../../../support/requirements.ts';

const reason =
  missing('root') ??
  missing('mmdebstrap') ??
  missing('gpg') ??
  missing('setcap') ??
  missing('docker-registry');
const makeUser =
  'useradd --system --user-group --home-dir /var/lib/redis --shell /usr/sbin/nologin redis';

const tools = {
  name: 'redis-tools',
  version: '5:7.0~rc1-1',
  files: { '/usr/bin/redis-cli': { content: 'cli', mode: 0o755 } },
};

/** A server with what makes builds hard: a user, set-uid, capabilities, a diversion, conffiles. */
function fillArchive(archive: DebianArchive): void {
  archive.add(
    {
      name: 'redis-server',
      version: '5:7.0~rc1-1',
      fields: { 'Pre-Depends': 'indexer', Depends: 'redis-tools (>= 5:7.0~), key-value-lib' },
      files: {
        '/etc/redis/redis.conf': 'port 6379\n',
        '/lib/systemd/system/redis.service': '[Unit]\n',
        '/usr/bin/redis-server': { content: 'server', mode: 0o755 },
        '/usr/bin/redis-su': { content: 'su', mode: 0o4755 },
        '/usr/share/words/redis': '',
        '/usr/share/doc/redis-server/copyright':
          'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: BSD-3-clause\n',
      },
      scripts: {
        conffiles: '/etc/redis/redis.conf\n',
        preinst:
          'dpkg-divert --package redis-server --rename --divert /usr/bin/head.distrib --add /usr/bin/head',
        postinst: `getent passwd redis >/dev/null 2>&1 || grep -q '^redis:' /etc/passwd || ${makeUser}
mkdir -p /var/lib/redis && chown redis:redis /var/lib/redis && chmod 2750 /var/lib/redis
setcap cap_net_bind_service=ep /usr/bin/redis-server
update-alternatives --install /usr/bin/kv kv /usr/bin/redis-server 10
echo secret > /etc/machine-id; echo log > /var/log/redis.log
cat /etc/hostname > /etc/redis/built-on`,
      },
    },
    tools,
    {
      name: 'indexer',
      scripts: {
        triggers: 'interest-noawait /usr/share/words\n',
        postinst: '[ "$1" != triggered ] || ls /usr/share/words > /usr/share/words.index',
      },
    },
    {
      name: 'liblink',
      fields: { Provides: 'key-value-lib' },
      files: { '/usr/lib/liblink.so': 'x' },
    },
  );
}

const otherKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString();

describe.skipIf(reason)(`building packages${reason ? ` (${reason})` : ''}`, () => {
  let archive: DebianArchive;
  let workspace: PackageWorkspace;
  let base: BuildResult;
  let redis: BuildResult;

  const pathsOf = async (name: string) => {
    const tar = createReadStream(join(workspace.directory, name, 'dist/module.tar'));
    const { entries, ...rest } = await readModuleTar(tar, { allowDevices: false });
    expect(verifyModuleTar({ entries, ...rest }).digest).toHaveLength(64);
    return new Map(entries.map((entry) => [entry.path, entry]));
  };

  beforeAll(async () => {
    archive = new DebianArchive();
    fillArchive(archive);
    workspace = new PackageWorkspace(archive);
    workspace.module('base', 'package_spec: [liblink]\n');
    workspace.module(
      'redis',
      `package_spec: [redis-server]
file_spec: ["/etc/redis/*", "/usr/bin/redis-*"]
mask: ["*.bak"]
carve_waivers: ["/usr/share/doc/**"]
dependencies: {requires: [base@*]}
`,
      {
        'rootfs/etc/redis/redis.conf': 'port 7000\n',
        'rootfs.attrs': '/etc/redis/redis.conf 0640 root redis\n',
      },
    );
    base = await workspace.build('base');
    redis = await workspace.build('redis');
  }, 120_000);

  afterAll(() => {
    workspace?.remove();
    archive?.remove();
  });

  test('a module without required packages ships the whole system', async () => {
    const tree = await pathsOf('base');
    expect(tree.has('/usr/bin/dpkg')).toBe(true);
    expect(tree.has('/etc/passwd')).toBe(true);
    expect(tree.get('/bin')?.target).toBe('usr/bin');
    expect(base.warnings).toEqual([expect.stringContaining('essential system')]);
  });

  test('the layer is what the packages add to those of the required modules', async () => {
    const tree = await pathsOf('redis');
    const shipped = [...tree.keys()];
    expect(shipped).not.toContain('/usr/bin/dpkg');
    expect(shipped).not.toContain('/usr/lib/liblink.so');
    expect(shipped).not.toContain('/etc/passwd');
    expect(shipped).toContain('/usr/lib/systemd/system/redis.service');
    expect(shipped).toContain('/etc/alternatives/kv');
    expect(shipped).toContain('/usr/bin/head.distrib');
    expect(shipped).toContain('/var/lib/dpkg/info/redis-server.conffiles');
    expect(redis.packages).toBe(3);
  });

  test('modes, owners and capabilities of scripts ship, with the ids of the table', async () => {
    const tree = await pathsOf('redis');
    expect(tree.get('/usr/bin/redis-su')?.mode).toBe(0o4755);
    expect(tree.get('/usr/bin/redis-server')?.xattrs).toHaveProperty(['security.capability']);
    expect(tree.get('/var/lib/redis')).toMatchObject({ uid: 400, gid: 400, mode: 0o2750 });
    expect(tree.get('/etc/redis/redis.conf')).toMatchObject({ gid: 400, mode: 0o640, size: 10 });
    expect(workspace.read('redis', 'ids.yaml')).toContain('uid: 400');
    expect(tree.has('/usr/lib/sysusers.d/00-gantry-redis.conf')).toBe(true);
  });

  test('triggers run, so that an index that a script makes has the files of all packages', async () => {
    const tree = await pathsOf('redis');
    const index = tree.get('/usr/share/words.index')?.content ?? '';
    expect(Buffer.from(index, 'base64').toString()).toBe('redis\n');
  });

  test('nothing of the build host is inside', async () => {
    const tree = await pathsOf('redis');
    for (const path of [
      '/etc/machine-id',
      '/etc/hostname',
      '/etc/resolv.conf',
      '/var/log/redis.log',
    ])
      expect(tree.has(path)).toBe(false);
    expect(Buffer.from(tree.get('/etc/redis/built-on')?.content ?? '', 'base64').toString()).toBe(
      'localhost\n',
    );
    expect(workspace.read('redis', 'module.lock.json')).not.toContain(archive.directory);
  });

  test('the same lock gives the same bytes, when the archive has moved on too', async () => {
    archive.add({ name: 'redis-tools', version: '5:7.1-1' });
    archive.drop('redis-tools', '5:7.0~rc1-1');
    const again = await workspace.build('redis', { mirrors: ['http://127.0.0.1:1/'] });
    expect(again.layer_digest).toBe(redis.layer_digest);

    rmSync(join(workspace.directory, 'cache'), { recursive: true });
    await expect(workspace.build('redis')).rejects.toMatchObject({
      code: 'lock_stale',
      message: expect.stringMatching(/redis-tools.*--packages.*--update-lock/),
    });

    const updated = await workspace.build('redis', { updateLock: true, carve: true });
    expect(workspace.read('redis', 'module.lock.json')).toContain('5:7.1-1');
    expect(updated.lock_changes).toEqual({
      added: [],
      removed: [],
      changed: ['redis-tools 5:7.0~rc1-1 → 5:7.1-1'],
    });
    expect(updated.warnings.join()).toContain('--carve leaves out');
    expect(updated.warnings.join()).not.toContain('/usr/share/doc');
    const tree = await pathsOf('redis');
    expect(tree.has('/usr/bin/redis-server')).toBe(true);
    expect(tree.has('/usr/lib/systemd/system/redis.service')).toBe(false);
  }, 60_000);

  test('a required module of a registry is as good as its directory', async () => {
    const registry = await startDockerRegistry();
    onTestFinished(() => registry.stop());
    const target = await openTarget(`${registry.host}/acme/base:v1`, {});
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signer = await createKeyedSigner(key.privateKey, {
      fulcio: null,
      oidcIssuer: null,
      rekor: [],
      timestamps: [],
    });
    const pushed = await pushModule(target, join(workspace.directory, 'base/dist'), () => {});

    archive.drop('redis-tools', '5:7.1-1');
    archive.add(tools);
    const away = new PackageWorkspace(archive);
    onTestFinished(() => away.remove());
    cpSync(join(workspace.directory, 'redis'), join(away.directory, 'redis'), { recursive: true });
    rmSync(join(away.directory, 'redis/module.lock.json'));
    const given = new Map([['base', `${registry.host}/acme/base:v1`]]);
    const policy = {
      identities: [],
      keys: [key.publicKey.export({ type: 'spki', format: 'pem' }).toString()],
      require_tlog: false,
      trusted_root: null,
    };
    const build = (trusted: SignaturePolicy) =>
      away.build('redis', {
        given,
        carve: false,
        readArtifact: (_, platform) => readRequiredArtifact(target, trusted, platform),
      });

    await expect(build(policy)).rejects.toMatchObject({ code: 'unsigned' });
    const wanted = { platform: 'debian-12-amd64', architecture: 'amd64' };
    const unverified = await readRequiredArtifact(target, null, wanted);
    expect(unverified.unverified).toContain(pushed.digest);
    const elsewhere = { ...wanted, architecture: 'arm64' };
    await expect(readRequiredArtifact(target, null, elsewhere)).rejects.toMatchObject({
      code: 'platform_missing',
    });
    const options = { annotations: {}, build: null, recursive: false };
    await signAndAttest(target, signer, options);
    const other = { ...policy, keys: [otherKey()] };
    await expect(build(other)).rejects.toMatchObject({ code: 'key_mismatch' });

    const built = await build(policy);
    expect(built.layer_digest).toBe(redis.layer_digest);
    expect(JSON.parse(away.read('redis', 'module.lock.json'))).toMatchObject({
      platforms: {
        'debian-12-amd64': { requires: [{ module: 'base', version: 'v1', digest: pushed.digest }] },
      },
    });

    // The lock says which base it is. A directory beside the module is no other one.
    away.module('base', 'package_spec: [redis-tools]\n');
    expect((await away.build('redis')).layer_digest).toBe(redis.layer_digest);
  }, 120_000);

  test('the bill of materials and the provenance name every package', () => {
    const sbom = JSON.parse(workspace.read('base', 'dist/sbom.cdx.json'));
    expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6' });
    expect(sbom.components.map(({ name }: { name: string }) => name)).toEqual([
      'liblink',
      'tiny-system',
      'usr-is-merged',
    ]);

    const statement = JSON.parse(workspace.read('base', 'dist/provenance.json'));
    expect(statement.predicateType).toBe('https://slsa.dev/provenance/v1');
    expect(`sha256:${statement.subject[0].digest.sha256}`).toBe(base.layer_digest);
    expect(statement.predicate.buildDefinition.resolvedDependencies).toHaveLength(3);
  });

  test('leaves no directory of a build behind', () => {
    const own = `gantry-build-0-${process.pid}-`;
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(own))).toEqual([]);
    expect(existsSync(join(workspace.directory, 'redis/dist/module.tar'))).toBe(true);
  });
});
