import { execFile, execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enroll } from '../../../../agent/enroll.ts';
import { requires } from '../../../support/requirements.ts';
import { type Module, World } from '../world.ts';

// The machine's own files, with everything that a file system can give them, through updates.

const gantry = resolve(import.meta.dirname, '../../../../bin/gantry');
const long =
  'content of more than sixty-four bytes, so that it lies in the store and not in the image';

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

function inRoot(path: string): string {
  return join(world.dir, 'current', path);
}

function inData(path: string): string {
  return join(world.dir, 'machine-data', path);
}

async function site(version: number, files: Record<string, string> = {}): Promise<Module> {
  return world.module({ name: 'site', files: { '/srv/page': `${long} ${version}`, ...files } });
}

async function update(version: number, files: Record<string, string> = {}): Promise<void> {
  await world.publish({ modules: [await site(version, files)], version });
  expect((await world.run()).report).toMatchObject({
    status: 'applied',
    code: null,
    health: 'healthy',
  });
}

/** Everything that stat(2) and listxattr(2) return for a tree, and its bytes. */
function describeTree(path: string): string {
  const script = `
    cd "$1"
    find . -printf '%p %y %m %U %G %n %b %s %i %T@ %l\\n' | LC_ALL=C sort
    find . -type f -exec sha256sum {} + | LC_ALL=C sort
    if command -v getfattr > /dev/null; then getfattr -R -h -d -m - . | LC_ALL=C sort; fi`;
  return execFileSync('sh', ['-c', script, 'sh', path], { encoding: 'latin1' });
}

describe('the machine’s data', () => {
  it('is one directory outside the generations, which every root links to', async () => {
    await enroll({ token: world.token(), dir: world.dir, writablePaths: ['/var', '/srv/db'] });
    await update(1, { '/var/lib/app/seed': 'seed', '/srv/db/schema': 'schema' });
    await writeFile(inRoot('var/lib/app/data'), 'mine');
    await writeFile(inRoot('srv/db/rows'), 'rows');

    await update(2);
    expect(await readlink(inRoot('var'))).toBe('../../machine-data/var');
    expect(await readlink(inRoot('srv/db'))).toBe('../../../machine-data/srv/db');
    expect((await readdir(inRoot('var/lib/app'))).sort()).toEqual(['data', 'seed']);
    expect((await readdir(inData('srv/db'))).sort()).toEqual(['rows', 'schema']);
    expect(await readdir(inRoot('machine-data'))).toEqual([]);
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
  });

  it('keeps bytes, holes, links, sockets, devices, attributes and odd names through updates', async (context) => {
    requires(context, 'root', 'setfattr');
    await world.enroll();
    await update(1);

    const data = inData('var/app');
    await mkdir(data);
    await writeFile(join(data, 'file'), 'mine');
    await link(join(data, 'file'), join(data, 'hard link'));
    await symlink('/nowhere', join(data, 'link'));
    await writeFile(Buffer.concat([Buffer.from(`${data}/caf`), Buffer.from([0xe9, 0xff])]), 'x');
    await chown(join(data, 'file'), 1234, 5678);
    await chmod(join(data, 'file'), 0o4711);
    await utimes(join(data, 'file'), 1, 2);
    await mkdir(join(data, 'closed'), { mode: 0o000 });
    execFileSync('truncate', ['-s', '64M', join(data, 'sparse')]);
    execFileSync('mknod', [join(data, 'null'), 'c', '1', '3']);
    execFileSync('mkfifo', [join(data, 'fifo')]);
    execFileSync('setfattr', ['-n', 'trusted.note', '-v', 'x', join(data, 'file')]);
    execFileSync('setfattr', ['-n', 'security.capability', '-v', capability, join(data, 'file')]);
    execFileSync('setfattr', ['-n', aclName, '-v', acl, join(data, 'closed')]);

    const server = createServer().listen(join(data, 'socket'));
    try {
      const before = describeTree(data);
      expect(before).toContain('system.posix_acl_access');
      for (const version of [2, 3, 4]) await update(version);
      expect(describeTree(data)).toBe(before);
      expect(statSync(join(data, 'sparse')).blocks).toBe(0);
    } finally {
      server.close();
    }
  });

  it('may begin with a link to a place that is not here', async () => {
    await world.enroll();
    // As the way root prepares it: the link is the first that is made there.
    await mkdir(inData('var/lib'), { recursive: true });
    const files = { '/var/lib/dpkg': { target: '/usr/lib/nowhere' } };
    await world.publish({ modules: [await world.module({ name: 'site', files })], version: 1 });
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
    expect(await readlink(inData('var/lib/dpkg'))).toBe('/usr/lib/nowhere');
  });

  it('can be reached by services that are not root, whatever the umask of the agent is', async () => {
    await world.enroll();
    await world.publish({ modules: [await site(1)], version: 1 });
    const command = 'umask 077; exec "$0" agent run --once --root "$1"';
    await promisify(execFile)('sh', ['-c', command, gantry, world.dir]);

    for (const path of ['', 'var']) expect((await stat(inData(path))).mode & 0o777).toBe(0o755);
    expect((await stat(inRoot('machine-data'))).mode & 0o777).toBe(0o755);
  });

  it('takes what a service writes that still has the old root', async () => {
    await world.enroll();
    await update(1);
    const oldRoot = join(world.dir, 'generations/1');

    await update(2);
    await writeFile(join(oldRoot, 'var/late'), 'written after the switch');
    await update(3);
    expect(existsSync(oldRoot)).toBe(false);
    expect(await readFile(inRoot('var/late'), 'utf8')).toBe('written after the switch');
  });

  it('may be on file systems of its own, which updates neither empty nor leave', async (context) => {
    requires(context, 'root');
    await world.enroll();
    await update(1);
    await mkdir(inData('var/lib/db'), { recursive: true });
    for (const path of ['var', 'var/lib/db']) {
      await mkdir(inData(path), { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', inData(path)]);
      world.mounts.push(inData(path));
    }

    await writeFile(inRoot('var/lib/db/customers'), 'rows');
    for (const version of [2, 3, 4]) {
      await update(version, { [`/var/lib/db/seed-${version}`]: long, '/var/new/deep/seed': long });
    }

    expect((await readdir(inRoot('var/lib/db'))).sort()).toEqual([
      'customers',
      'seed-2',
      'seed-3',
      'seed-4',
    ]);
    expect(await readdir(inRoot('var'))).not.toContain('.gantry-unfinished');
    expect(statSync(inData('var/lib/db/seed-4')).dev).toBe(statSync(inData('var/lib/db')).dev);
    expect(await readFile(inRoot('var/new/deep/seed'), 'utf8')).toBe(long);
  });

  it('is reached from inside a root where it is mounted at /machine-data', async (context) => {
    requires(context, 'root');
    await world.enroll();
    await update(1);
    await writeFile(inData('var/note'), 'mine');

    // A static program of the root itself would do the same: here the host's are mounted.
    const script = `
      cd "$1" && mount --bind "$2" machine-data && mkdir usr bin lib lib64
      for name in usr bin lib lib64; do mount --bind "/$name" "$name"; done
      chroot . /bin/cat /var/note`;
    const seen = execFileSync('unshare', [
      '--mount',
      'sh',
      '-c',
      script,
      'sh',
      join(world.dir, 'generations/1'),
      join(world.dir, 'machine-data'),
    ]);
    expect(seen.toString()).toBe('mine');
  });
});

// cap_net_bind_service+ep, and an access list that lets user 1000 in (linux/capability.h,
// posix_acl_xattr.h).
const capability = '0x0100000200040000000000000000000000000000';
const aclName = 'system.posix_acl_access';
const anybody = 'ffffffff';
const acl = `0x02000000${[
  `01000700${anybody}`,
  '02000700e8030000',
  `04000500${anybody}`,
  `10000700${anybody}`,
  `20000500${anybody}`,
].join('')}`;

describe('what modules ship among the machine’s data', () => {
  it('is laid out where the machine has nothing, with modes, and replaces nothing', async () => {
    await world.enroll();
    await mkdir(inData('var'), { recursive: true });
    await writeFile(inData('var/taken'), 'a file of the machine', { mode: 0o600 });

    await update(1, { '/var/taken/seed': long, '/var/app/seed': long, '/var/empty/': '' });
    expect(await readFile(inRoot('var/taken'), 'utf8')).toBe('a file of the machine');
    expect(lstatSync(inRoot('var/taken')).mode & 0o777).toBe(0o600);
    expect(await readFile(inRoot('var/app/seed'), 'utf8')).toBe(long);
    expect(readdirSync(inRoot('var/empty'))).toEqual([]);
    expect(readdirSync(join(world.dir, 'machine-data'))).toEqual(['var']);

    await writeFile(inRoot('var/app/seed'), 'changed');
    await rm(inRoot('var/empty'), { recursive: true });
    await update(2, { '/var/app/seed': `${long} newer`, '/var/empty/': '' });
    expect(await readFile(inRoot('var/app/seed'), 'utf8')).toBe('changed');
    expect(readdirSync(inRoot('var/empty'))).toEqual([]);
  });

  it('is laid out below no link of the machine, wherever it leads', async () => {
    await world.enroll();
    const outside = join(world.dir, 'outside');
    await mkdir(outside);
    await mkdir(inData('var'), { recursive: true });
    await symlink(outside, inData('var/app'));

    await update(1, { '/var/app/seed': long, '/var/app/deep/seed': long });
    expect(readdirSync(outside)).toEqual([]);
    expect((await lstat(inData('var/app'))).isSymbolicLink()).toBe(true);
  });

  it('is laid out after what a crash left unfinished', async () => {
    await world.enroll();
    await mkdir(inData('.gantry-unfinished/top/deep'), { recursive: true });
    await update(1, { '/var/app/seed': long });
    expect(readdirSync(inData(''))).toEqual(['var']);
  });

  it('is refused with io_error when it does not fit, and the old root stays', async (context) => {
    requires(context, 'root');
    await world.enroll();
    await update(1);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', inData('var')]);
    world.mounts.push(inData('var'));

    await world.publish({
      modules: [await site(2, { '/var/app/large': 'x'.repeat(200_000) })],
      version: 2,
    });
    const { report, generation } = await world.run();
    expect(report).toMatchObject({ status: 'refused', code: 'io_error', health: 'degraded' });
    expect(report.message).toContain(`${inData('var/app')} could not be laid out: ENOSPC.`);
    expect(generation).toBe(1);
    expect(world.reports.at(-1)).toEqual(report);
    expect(readdirSync(inData('var'))).toEqual([]);

    await update(3);
  });
});
