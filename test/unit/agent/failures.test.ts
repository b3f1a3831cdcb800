import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { requires } from '../../support/requirements.ts';
import { expectApplied } from './expect-applied.ts';
import { type Module, World } from './world.ts';

// Failures of the machine itself, provoked for real: each ends in a report, and the old root stays,
// whole.

const gantry = resolve(import.meta.dirname, '../../../bin/gantry');
const long =
  'content of more than sixty-four bytes, so that it lies in the store and not in the image';

let world: World;
let mounts: string[];
let site: Module;
beforeEach(async () => {
  world = await World.start();
  mounts = [];
});
afterEach(async () => {
  for (const path of mounts.reverse()) execFileSync('umount', ['--lazy', path]);
  for (const name of ['generations', 'machine-data'])
    execFileSync('rm', ['-rf', join(world.dir, name)]);
  await world.stop();
});

function mountTmpfs(path: string, size: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  mounts.push(path);
}

/** Enrols a machine that runs version 1 of a site. */
async function startMachine(): Promise<void> {
  await world.enroll();
  site = await world.module({ name: 'site', files: { '/srv/page': `${long} 1` } });
  await world.publish({ modules: [site], version: 1 });
  await world.run();
}

async function publishNext(version: number, files: Record<string, string> = {}): Promise<Module> {
  const next = await world.module({
    name: 'site',
    files: { '/srv/page': `${long} ${version}`, ...files },
  });
  await world.publish({ modules: [next], version });
  return next;
}

async function expectOldRoot(): Promise<void> {
  expect(await readFile(join(world.dir, 'current/srv/page'), 'utf8')).toBe(`${long} 1`);
}

/** A tick whose failure is reported: what is refused, why, and that version 1 still runs. */
async function expectFailure(code: string, message: RegExp): Promise<void> {
  const { report, generation } = await world.run();
  expect(report).toMatchObject({
    status: 'refused',
    code,
    message: expect.stringMatching(message),
    desired_state_version: 1,
    running_module_digests: { site: site.layer.composefs_digest },
    health: 'degraded',
  });

  expect(generation).toBe(1);
  expect(world.reports.at(-1)).toEqual(report);
  await expectOldRoot();
}

async function expectRecovery(version: number): Promise<void> {
  await expectApplied(world, version);
  expect(await readFile(join(world.dir, 'current/srv/page'), 'utf8')).toBe(`${long} ${version}`);
}

/** Makes directories inside each other, deeper than a path can be long. */
async function nestDirectories(top: string, levels: number): Promise<void> {
  const script = `
    const { mkdirSync } = require('node:fs');
    for (let level = 0; level < ${levels}; level++) { mkdirSync('d'); process.chdir('d'); }`;
  await mkdir(top, { recursive: true });
  execFileSync(process.execPath, ['-e', script], { cwd: top });
}

describe('a full disk', () => {
  it('reports disk_full when an update does not fit, fetches nothing of it, and applies one that does', async (context) => {
    requires(context, 'root');
    mountTmpfs(world.dir, '4m');
    await startMachine();

    const large = await publishNext(2, { '/srv/large': randomBytes(3_000_000).toString('hex') });
    await expectFailure('disk_full', /expected \d+ free bytes, found \d+, so \d+ are missing/);
    expect(world.sent.has(large.layer.layer_digest)).toBe(false);
    expect(await readdir(join(world.dir, 'store/indexes'))).toEqual([]);

    await publishNext(3);
    await expectRecovery(3);
  });

  it('reports disk_full when there is room for the content and none for a copy of it', async (context) => {
    requires(context, 'root');
    mountTmpfs(world.dir, '4m');
    await startMachine();

    await publishNext(2, { '/srv/large': randomBytes(1_100_000).toString('hex') });
    await expectFailure('disk_full', /A copy of the root file system does not fit/);
    expect(await readdir(join(world.dir, 'generations'))).not.toContain('2');

    await publishNext(3);
    await expectRecovery(3);
  });

  it('reports disk_full when files are more than the disk has inodes for', async (context) => {
    requires(context, 'root');
    mountTmpfs(world.dir, '16m,nr_inodes=200');
    await startMachine();

    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, n) => [`/srv/many/${n}`, `${long} ${n} ${long.repeat(4)}`]),
    );
    await publishNext(2, many);
    await expectFailure('disk_full', /expected \d+ free inodes, found \d+/);

    await publishNext(3);
    await expectRecovery(3);
  });

  it('reports io_error even when no block is free for the report, and recovers', async (context) => {
    requires(context, 'root');
    mountTmpfs(world.dir, '4m');
    await startMachine();

    const filler = join(world.dir, 'filler');
    await writeFile(filler, Buffer.alloc(8_000_000)).catch(() => undefined);
    await publishNext(2);
    await expectFailure('io_error', /ENOSPC/);

    await rm(filler);
    await expectRecovery(2);
  });

  it('reports a tampered root that cannot be laid out again, and vouches for no module of it', async (context) => {
    requires(context, 'root');
    mountTmpfs(world.dir, '4m');
    await startMachine();

    const filler = join(world.dir, 'filler');
    await writeFile(join(world.dir, 'current/srv/page'), `${long} 2`);
    await writeFile(filler, Buffer.alloc(8_000_000)).catch(() => undefined);

    const { report, generation } = await world.run();
    expect(report).toMatchObject({
      status: 'refused',
      code: 'disk_full',
      composition_digest: null,
      running_module_digests: {},
      health: 'degraded',
    });

    expect(report.message).toContain('/srv/page has other content; the root was not laid out');
    expect(generation).toBe(1);

    await rm(filler);
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: 'root_tampered' });
    await expectOldRoot();
  });
});

describe('a path that is too long for the machine', () => {
  it('reports io_error: no module can stop a machine silently', async () => {
    await startMachine();
    const names = Array.from({ length: 20 }, () => 'n'.repeat(200));
    const path = `/${names.join('/')}/${'n'.repeat(limits.pathBytesMax - 4027)}`;

    expect(path.length).toBe(limits.pathBytesMax - 6);

    await publishNext(2, { [path]: long });
    await expectFailure('io_error', /ENAMETOOLONG/);

    await publishNext(3);
    await expectRecovery(3);
  });
});

describe('directories that a service nests too deeply', () => {
  it('do not disturb an update, neither among the machine’s data nor in a root that goes', async () => {
    await startMachine();
    await nestDirectories(join(world.dir, 'current/var/app'), 3000);
    await nestDirectories(join(world.dir, 'current/tmp/app'), 3000);

    for (const version of [2, 3]) {
      await publishNext(version);
      await expectRecovery(version);
    }

    expect((await readdir(join(world.dir, 'generations'))).sort()).toEqual([
      '2',
      '2.state.json',
      '3',
      '3.state.json',
    ]);

    const found = execFileSync('find', ['.', '-name', 'd', '-printf', '.'], {
      cwd: join(world.dir, 'machine-data/var/app'),
    });
    expect(found.length).toBe(3000);
  });
});

describe('a process that may open few files', () => {
  async function runLimited(files: number) {
    const command = `ulimit -n ${files}; exec "$0" agent run --once --json --root "$1"`;
    const limited = await promisify(execFile)('sh', ['-c', command, gantry, world.dir]).catch(
      (error) => error,
    );
    return { code: limited.code ?? 0, stdout: limited.stdout, stderr: limited.stderr };
  }

  it('applies an update, however deep the machine’s data is', async () => {
    await startMachine();
    await nestDirectories(join(world.dir, 'current/var/app'), 100);
    await publishNext(2);

    const { code, stdout } = await runLimited(64);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'applied', code: null });
    expect(code).toBe(0);
  });
  it('ends in an error with a code and keeps the old root when even these do not suffice', async () => {
    await startMachine();
    await publishNext(2);
    const outcomes: string[] = [];

    for (let files = 21; outcomes.at(-1) !== 'applied'; files += 3) {
      const { stdout, stderr } = await runLimited(files);
      const shown = stdout === '' ? stderr : stdout;
      // With fewer, Node itself does not start.
      if (!shown.startsWith('{')) continue;

      const { status, code, error } = JSON.parse(shown);
      outcomes.push(status === 'applied' ? status : (code ?? error.code));
      if (status !== 'applied') await expectOldRoot();
    }

    expect([...new Set(outcomes)]).toEqual(['io_error', 'applied']);
  });
});

describe('a disk that cannot be read', () => {
  // Reading this file fails with EIO, as reading a broken sector does.
  const broken = '/proc/self/mem';

  it('reports io_error when the desired state cannot be read', async () => {
    await startMachine();
    const path = join(world.dir, 'agent/desired-state.json');

    await rm(path);
    await symlink(broken, path);
    await expectFailure('io_error', /EIO/);
  });

  it('reports io_error when a record of the store cannot be read', async () => {
    await startMachine();
    const digest = site.layer.layer_digest.slice('sha256:'.length);
    const path = join(world.dir, `store/layers/${digest}.json`);

    await rm(path);
    await symlink(broken, path);
    await expectFailure('io_error', /EIO/);
  });

  it('reports mount_found with what it applied when garbage cannot be removed', async (context) => {
    requires(context, 'root');
    await startMachine();

    const garbage = join(world.dir, 'store/documents/garbage');
    await mkdir(garbage);
    mountTmpfs(garbage, '4k');

    await publishNext(2);
    const { report, generation } = await world.run();

    expect(report).toMatchObject({
      status: 'applied',
      code: 'mount_found',
      message: expect.stringContaining(`found one at ${garbage}. Unmount it first.`),
      desired_state_version: 2,
      health: 'degraded',
    });

    expect(generation).toBe(2);
    expect(world.reports.at(-1)).toEqual(report);
  });
});

describe('a directory that cannot be prepared', () => {
  async function expectReportedError(code: string, policyFile?: string): Promise<void> {
    const options = policyFile === undefined ? {} : { policyFile };
    await expect(world.run(options)).rejects.toMatchObject({ code });
    expect(world.reports.at(-1)).toMatchObject({ status: 'refused', code });
    await expectOldRoot();
  }

  it('reports io_error when its state is damaged', async () => {
    await startMachine();
    const path = join(world.dir, 'state.json');
    const state = await readFile(path);

    await writeFile(path, '{"seen_version":');
    await expectReportedError('io_error');

    await writeFile(path, state);
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
  });

  it.each(['state.json', 'agent/policy.json'])(
    'reports io_error when %s cannot be read',
    async (name) => {
      await startMachine();
      const path = join(world.dir, name);
      await rm(path, { force: true });
      await mkdir(path);
      await expectReportedError('io_error');

      await rm(path, { recursive: true });
      expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
    },
  );

  it('reports io_error when a file is in place of a folder', async () => {
    await startMachine();
    const path = join(world.dir, 'store/incoming');

    await rm(path, { recursive: true });
    await writeFile(path, 'a file');
    await expectReportedError('io_error');

    await rm(path);
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
  });

  it('reports a local policy that is invalid or missing, with what runs', async () => {
    await startMachine();
    const policyFile = join(world.dir, 'policy.json');

    await expectReportedError('io_error', policyFile);
    await writeFile(policyFile, '{"modules": 7}');
    await expectReportedError('invalid_request', policyFile);
    expect(world.reports.at(-1)).toMatchObject({
      desired_state_version: 1,
      running_module_digests: { site: site.layer.composefs_digest },
    });
  });
});

describe('a machine that cannot report', () => {
  it.each([
    ['agent/config.json', '{"url":'],
    ['agent/key.pem', 'no key'],
    ['agent/calls.json', '{}'],
    ['agent/config.json', undefined],
    ['agent/calls.json', undefined],
  ])(
    'because of %s ends with exit code 2 and an error that names it: %j',
    async (name, content) => {
      await startMachine();
      const path = join(world.dir, name);
      await rm(path);
      // A directory in the place of the file cannot be read at all.
      await (content === undefined ? mkdir(path) : writeFile(path, content));

      const args = ['agent', 'run', '--once', '--json', '--root', world.dir];
      const ended = await promisify(execFile)(gantry, args).catch((error) => error);
      expect(ended).toMatchObject({ code: 2, stdout: '' });

      const { error } = JSON.parse(ended.stderr);
      expect(error).toMatchObject({ code: 'io_error' });
      expect(error.message).toContain(content === undefined ? 'EISDIR' : `${path} is damaged`);
      await expectOldRoot();
    },
  );
});

describe('a bucket that does not serve the desired state', () => {
  it('makes a machine report stale, as long as the control plane takes reports', async () => {
    await startMachine();
    world.objects.delete('desired-state');
    await expect(world.run()).rejects.toMatchObject({ code: 'unavailable' });

    expect(world.reports.at(-1)).toMatchObject({
      status: 'stale',
      code: 'unavailable',
      desired_state_version: 1,
      running_module_digests: { site: site.layer.composefs_digest },
    });

    world.refuse = { verb: 'report', status: 503, code: 'unavailable' };
    world.refusedObject = { name: 'desired-state', status: 500, code: 'internal' };
    await expect(world.run()).rejects.toMatchObject({
      message: expect.stringContaining('The desired state could not be read'),
    });
  });
});
