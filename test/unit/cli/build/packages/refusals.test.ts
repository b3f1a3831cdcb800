import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  savedPackages,
  savePackages,
} from '../../../../../cli/build/packages/packages-artifact.ts';
import { openTarget } from '../../../../../cli/input/registry-target.ts';
import { startDockerRegistry } from '../../../../../scripts/docker-registry.ts';
import { DebianArchive } from '../../../../support/debian-archive.ts';
import { PackageWorkspace } from '../../../../support/package-workspace.ts';
import { missing } from '../../../../support/requirements.ts';

const reason =
  missing('root') ??
  missing('mmdebstrap') ??
  missing('gpg') ??
  missing('setcap') ??
  missing('docker-registry');
const gantry = join(import.meta.dirname, '../../../../../bin/gantry');

describe.skipIf(reason)(`refused builds${reason ? ` (${reason})` : ''}`, () => {
  let archive: DebianArchive;
  let workspace: PackageWorkspace;

  beforeAll(() => {
    archive = new DebianArchive();
    archive.add(
      { name: 'redis-server', version: '5:7.0', fields: { Depends: 'redis-tools' } },
      { name: 'redis-tools', version: '5:7.0~rc1', files: { '/usr/bin/redis-cli': 'cli' } },
      { name: 'exim', fields: { Provides: 'mail-agent' } },
      { name: 'postfix', fields: { Provides: 'mail-agent', Conflicts: 'redis-tools' } },
      { name: 'broken', scripts: { postinst: 'echo cannot frob the widget >&2; exit 7' } },
      { name: 'slow', scripts: { postinst: 'sleep 120' } },
      { name: 'greedy', files: { '/etc/redis/owned.conf': 'mine' } },
    );
    workspace = new PackageWorkspace(archive);
  }, 60_000);

  afterAll(() => {
    workspace?.remove();
    archive?.remove();
  });

  /** A module of its own for each test. */
  const build = (name: string, specs: string, rest = '') => {
    workspace.module(name, `package_spec: [${specs}]\n${rest}`);
    return workspace.build(name);
  };

  test.each([
    ['redis-serve', 'package_not_found', /near are redis-server/],
    ['mail-agent', 'package_not_found', /several provide; name one of .*(exim|postfix)/],
    ['redis-tools=9:1', 'package_not_found', /version of redis-tools .*5:7\.0~rc1/],
    ['postfix, redis-server', 'packages_conflict', /./],
  ])('%s: %s', async (specs, code, said) => {
    const built = build(`m-${specs.length}`, specs);
    await expect(built).rejects.toMatchObject({ code, message: expect.stringMatching(said) });
  });

  test('an index that another key signed, and a mirror that does not respond', async () => {
    workspace.module('signed', 'package_spec: [redis-tools]\n');
    const keyring = archive.otherKeyring();
    await expect(workspace.build('signed', { keyring })).rejects.toMatchObject({
      code: 'archive_signature_invalid',
    });
    await expect(
      workspace.build('signed', { mirrors: ['http://127.0.0.1:1/debian'] }),
    ).rejects.toMatchObject({ code: 'suite_unreachable' });
    await expect(workspace.build('signed', { platform: 'debian-12-amd' })).rejects.toMatchObject({
      code: 'platform_unknown',
      message: expect.stringContaining('debian-12-amd64'),
    });
  });

  test('a package whose bytes differ from the index', async () => {
    const deb = join(archive.directory, 'pool/main/r/redis-tools/redis-tools_7.0~rc1_amd64.deb');
    const bytes = readFileSync(deb);
    onTestFinished(() => writeFileSync(deb, bytes));
    const changed = Buffer.from(bytes);
    changed.writeUInt8(0, changed.length - 1000);
    changed.writeUInt8(1, changed.length - 999);
    writeFileSync(deb, changed);

    await expect(build('changed', 'redis-tools')).rejects.toMatchObject({
      code: 'package_digest_mismatch',
    });
  });

  test('a script that fails is quoted with its last lines', async () => {
    await expect(build('failing', 'broken')).rejects.toMatchObject({
      code: 'script_failed',
      message: expect.stringMatching(/cannot frob the widget.*status 7/),
    });
  }, 30_000);

  test('a module that is required and nowhere, and one whose files are protected', async () => {
    await expect(
      build('lonely', 'redis-tools', 'dependencies: {requires: [acme/nowhere@^1]}\n'),
    ).rejects.toMatchObject({
      code: 'required_module_missing',
      message: expect.stringContaining('--require <module>=<directory>'),
    });

    workspace.module(
      'guard',
      'package_spec: []\nfile_spec: ["/etc/redis/*"]\nprotected_spec: ["/etc/redis/owned.conf"]\n',
    );
    await expect(
      build('greedy', 'greedy', 'dependencies: {requires: [acme/guard@^1]}\n'),
    ).rejects.toMatchObject({
      code: 'file_protected',
      message: expect.stringContaining('mask: ["/etc/redis/owned.conf"]'),
    });
  }, 30_000);

  test('a lock that does not fit, and files of rootfs/ below a link of the packages', async () => {
    await build('led', 'redis-tools');
    workspace.module('led', 'package_spec: [redis-tools, exim]\n');
    await expect(workspace.build('led')).rejects.toMatchObject({
      code: 'lock_stale',
      message: expect.stringMatching(/package_spec has exim more.*--update-lock/),
    });

    workspace.module('led', 'package_spec: [redis-tools]\nfile_spec: ["**"]\n', {
      'rootfs/bin/tool': 'x',
    });
    await expect(workspace.build('led')).rejects.toMatchObject({
      code: 'tree_invalid',
      message: expect.stringContaining('/bin is a symlink'),
    });
  }, 60_000);

  test('packages that are saved in a registry are enough when the archive lost them', async () => {
    const registry = await startDockerRegistry();
    onTestFinished(() => registry.stop());
    const target = await openTarget(`${registry.host}/acme/packages:v1`, {});
    archive.add({ name: 'short-lived', files: { '/usr/share/short': 'x' } });
    workspace.module('saved', 'package_spec: [short-lived]\n');

    const first = await workspace.build('saved', {
      save: (debs, cache) => savePackages(target, debs, cache),
    });
    archive.drop('short-lived');
    rmSync(join(workspace.directory, 'cache'), { recursive: true });
    const again = await workspace.build('saved', { sources: [savedPackages(target)] });
    expect(again.layer_digest).toBe(first.layer_digest);
  }, 60_000);

  test('a full disk is named, and nothing stays on it', async () => {
    const disk = mkdtempSync(join(tmpdir(), 'gantry-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      execFileSync('umount', [disk]);
      rmSync(disk, { recursive: true });
    });

    vi.stubEnv('TMPDIR', disk);
    await expect(build('full', 'redis-tools')).rejects.toMatchObject({ code: 'disk_full' });
    expect(readdirSync(disk)).toEqual([]);
  }, 30_000);

  test('a build that is killed leaves nothing mounted or running, and the next one tidies', async () => {
    workspace.module('slow', 'package_spec: [slow]\n');
    const place = mkdtempSync(join(workspace.directory, 'tmp-'));
    const args = ['module', 'build', join(workspace.directory, 'slow')];
    const flags = ['--mirror', archive.mirror, '--keyring', archive.keyring];
    const env = { ...process.env, TMPDIR: place, XDG_CACHE_HOME: join(workspace.directory, 'xdg') };
    const child = spawn(gantry, [...args, ...flags], { env, stdio: 'ignore', detached: true });

    const running = () => processesOf(place);
    while (!running().some((line) => line.includes('postinst'))) {
      expect(child.exitCode).toBeNull();
      await sleep(100);
    }
    const ended = once(child, 'exit');
    process.kill(-Number(child.pid), 'SIGKILL');
    await ended;
    await vi.waitFor(() => expect(running()).toEqual([]), { timeout: 10_000 });
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(place);
    expect(left(place)).toHaveLength(1);

    vi.stubEnv('TMPDIR', place);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await build('tidy', 'redis-tools');
    expect(left(place)).toEqual([]);
  }, 60_000);

  test('a user without ranges of ids reads what is missing', () => {
    workspace.module('nobody', 'package_spec: [redis-tools]\n');
    const home = join(workspace.directory, 'nobody');
    execFileSync('chown', ['-R', '65534:65534', home]);
    execFileSync('chmod', ['755', workspace.directory]);
    mkdirSync(join(workspace.directory, 'nobodys'), { mode: 0o777 });
    execFileSync('chmod', ['777', join(workspace.directory, 'nobodys')]);

    const flags = ['--mirror', archive.mirror, '--keyring', archive.keyring];
    const { status, stderr } = spawnSync(gantry, ['module', 'build', home, ...flags], {
      uid: 65534,
      gid: 65534,
      encoding: 'utf8',
      env: {
        ...process.env,
        HOME: '/nonexistent',
        XDG_CACHE_HOME: join(workspace.directory, 'nobodys'),
      },
    });
    expect(stderr).toMatch(/\/etc\/subuid.*\(build_privileges\)/s);
    expect(status).toBe(2);
  }, 30_000);
});

/** Directories of builds; Node keeps a cache beside them. */
const left = (place: string) =>
  readdirSync(place).filter((name) => name.startsWith('gantry-build-'));

/** Command lines of the processes whose own root, or arguments, lie below a directory. */
function processesOf(directory: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^[0-9]+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      return line.includes(directory) || environment.includes(directory) ? [line] : [];
    } catch {
      return [];
    }
  });
}
