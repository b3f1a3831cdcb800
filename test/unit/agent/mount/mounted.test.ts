import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { switchGeneration } from '../../../../agent/apply/generation.ts';
import { boot } from '../../../../agent/boot/boot.ts';
import { agentPaths } from '../../../../agent/paths.ts';
import { requires } from '../../../support/requirements.ts';
import { World } from '../world.ts';

// Generations that are real mounts: EROFS below overlayfs, with the store as data-only layer.

const long =
  'content of more than sixty-four bytes, so that it lies in the store and not in the image';

let world: World;
beforeEach(async (context) => {
  requires(context, 'root');
  world = await World.start();
  await world.enroll({ layout: 'mount' });
});
afterEach(() => world?.stop());

function inRoot(path: string): string {
  return join(world.dir, 'current', path);
}

async function update(version: number, files: Record<string, string> = {}) {
  const site = await world.module({
    name: 'site',
    files: {
      '/srv/page': `${long} ${version}`,
      '/srv/short': `${version}`,
      '/var/lib/site/seed': 'seed',
      ...files,
    },
  });
  await world.publish({ modules: [site], version });
  return world.run();
}

/** The mounts of one generation. */
function mountsOf(number: number): string[] {
  const root = `generations/${number}`;
  return [root, `${root}/machine-data`, `${root}/var`];
}

describe('a mounted generation', () => {
  it('is the signed image with the machine’s data at its place, and read-only', async () => {
    expect((await update(1)).report).toMatchObject({
      status: 'applied',
      code: null,
      health: 'healthy',
    });

    expect(await world.mountPoints()).toEqual(mountsOf(1));
    expect(await readFile(inRoot('srv/page'), 'utf8')).toBe(`${long} 1`);
    expect(await readFile(inRoot('srv/short'), 'utf8')).toBe('1');
    expect(JSON.parse(await readFile(inRoot('run/gantry/metadata.json'), 'utf8'))).toHaveProperty(
      'instance',
    );
    await expect(writeFile(inRoot('srv/page'), 'mine')).rejects.toThrow('EROFS');

    expect((await stat(inRoot('var'))).isDirectory()).toBe(true);
    await writeFile(inRoot('var/lib/site/rows'), 'rows');
    await writeFile(inRoot('machine-data/var/lib/site/more'), 'more');
    expect((await readdir(join(world.dir, 'machine-data/var/lib/site'))).sort()).toEqual([
      'more',
      'rows',
      'seed',
    ]);

    expect((await world.run()).report).toMatchObject({ status: 'unchanged', health: 'healthy' });
  });

  it('stays mounted with the one before it, and older ones go', async () => {
    for (const version of [1, 2, 3]) expect((await update(version)).report.code).toBeNull();

    expect((await world.mountPoints()).sort()).toEqual([...mountsOf(2), ...mountsOf(3)]);
    expect((await readdir(join(world.dir, 'generations'))).sort()).toEqual([
      '2',
      '2.mount',
      '2.state.json',
      '3',
      '3.mount',
      '3.state.json',
    ]);
    expect(await readFile(join(world.dir, 'generations/2/srv/page'), 'utf8')).toBe(`${long} 2`);
  });

  it('is mounted again after a reboot, without the network', async () => {
    await update(1);
    await writeFile(inRoot('var/lib/site/rows'), 'rows');
    await world.unmountAll();
    expect(existsSync(inRoot('srv/page'))).toBe(false);

    world.requests.length = 0;
    expect(await boot({ dir: world.dir })).toMatchObject({ generation: 1 });
    expect(world.requests).toEqual([]);
    expect(await readFile(inRoot('srv/page'), 'utf8')).toBe(`${long} 1`);
    expect(await readFile(inRoot('var/lib/site/rows'), 'utf8')).toBe('rows');
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
    expect(await world.mountPoints()).toEqual(mountsOf(1));
  });

  it('is mounted again by the next tick where nothing did so at boot', async () => {
    await update(1);
    await world.unmountAll();

    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
    expect(await world.mountPoints()).toEqual(mountsOf(1));
  });

  it('gets its machine’s data back when that alone was unmounted', async () => {
    await update(1);
    execFileSync('umount', [inRoot('var')]);

    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
    expect((await world.mountPoints()).sort()).toEqual(mountsOf(1));
  });

  it('is made again when an object was changed under it', async () => {
    await update(1);
    expect(await readFile(inRoot('srv/page'), 'utf8')).toBe(`${long} 1`);
    const object = execFileSync('grep', ['-rl', `${long} 1`, join(world.dir, 'store')]);
    await writeFile(object.toString().trim(), `${long} 9`);

    const { report, generation } = await world.run();
    expect(report).toMatchObject({ status: 'applied', code: 'root_tampered' });
    expect(generation).toBe(2);
    expect(await readFile(inRoot('srv/page'), 'utf8')).toBe(`${long} 1`);
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
  });

  it('is not mounted from an image that was changed', async () => {
    await update(1);
    await world.unmountAll();
    const [image = ''] = await readdir(join(world.dir, 'images'));
    await writeFile(join(world.dir, 'images', image), 'another image');

    await expect(boot({ dir: world.dir })).rejects.toMatchObject({ code: 'root_tampered' });
    expect(await world.mountPoints()).toEqual([]);
  });

  it('shows a disk that is mounted among the machine’s data, and never unmounts it', async () => {
    await update(1);
    const disk = join(world.dir, 'machine-data/var/lib/disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', disk]);
    await writeFile(join(disk, 'customers'), 'rows');

    for (const version of [2, 3, 4]) {
      expect((await update(version)).report).toMatchObject({ status: 'applied', code: null });
      expect(await readFile(inRoot('var/lib/disk/customers'), 'utf8')).toBe('rows');
    }

    expect(await readFile(join(disk, 'customers'), 'utf8')).toBe('rows');
    expect((await readdir(join(world.dir, 'generations'))).length).toBe(6);
  });

  it('stays when a user mounted something in it, with all its mounts', async () => {
    await update(1);
    await update(2);
    const point = join(world.dir, 'generations/1/srv');
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', point]);
    await writeFile(join(point, 'customers'), 'rows');

    expect((await update(3)).report).toMatchObject({ status: 'applied', code: 'mount_found' });
    expect(await readFile(join(point, 'customers'), 'utf8')).toBe('rows');
    expect(await world.mountPoints()).toEqual(expect.arrayContaining(mountsOf(1)));

    execFileSync('umount', [point]);
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
    expect((await world.mountPoints()).sort()).toEqual([...mountsOf(2), ...mountsOf(3)]);
  });

  it('stays while a program works in it, and keeps its data', async () => {
    await update(1);
    await update(2);
    const root = join(world.dir, 'generations/1');
    const program = spawn('sleep', ['60'], { cwd: join(root, 'srv') });

    const { report } = await update(3);
    expect(report).toMatchObject({ status: 'applied', code: 'mount_busy' });
    expect(report.message).toContain(`fuser -vm ${root}`);
    expect(await readFile(join(root, 'srv/page'), 'utf8')).toBe(`${long} 1`);
    expect(await world.mountPoints()).toEqual(expect.arrayContaining(mountsOf(1)));

    program.kill('SIGKILL');
    await once(program, 'exit');
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
    expect(existsSync(root)).toBe(false);
  });

  it('stays, with its content, while a service has it as its root', async () => {
    await update(1, { '/srv/later': `${long}, which the service opens late` });
    // As RootDirectory= of a unit: a mount namespace whose root is the generation.
    const root = join(world.dir, 'generations/1');
    const service = spawn('unshare', [
      '--mount',
      'sh',
      '-c',
      'mount --rbind "$1" "$1" && cd "$1" && pivot_root . machine-data && read -r _',
      'sh',
      root,
    ]);
    const later = `/proc/${service.pid}/root/srv/later`;
    await expect.poll(() => existsSync(later)).toBe(true);

    for (const version of [2, 3, 4]) expect((await update(version)).report.code).toBeNull();
    expect(await readFile(later, 'utf8')).toContain('opens late');
    expect(existsSync(`${root}.mount`)).toBe(true);

    service.kill('SIGKILL');
    await once(service, 'exit');
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
    expect(existsSync(`${root}.mount`)).toBe(false);
  });

  it('links a path of the machine that is a file', async () => {
    await rm(world.dir, { recursive: true });
    await mkdir(world.dir);
    await world.enroll({ layout: 'mount', writablePaths: ['/var', '/etc/app.conf', '/etc/none'] });
    await update(1, { '/etc/app.conf': 'shipped' });
    await writeFile(inRoot('etc/app.conf'), 'mine');

    expect((await update(2, { '/etc/app.conf': 'shipped again' })).report.code).toBeNull();
    expect(await readFile(inRoot('etc/app.conf'), 'utf8')).toBe('mine');
    expect((await stat(inRoot('etc/none'))).isDirectory()).toBe(true);
  });
});

describe('processes that open and stat while the root is switched', () => {
  it('miss no file and find no mixed root', async () => {
    await update(1, { '/srv/again': `${long} 1` });
    await update(2, { '/srv/again': `${long} 2` });
    const script = resolve(import.meta.dirname, '../../../../bench/roots/reader.ts');
    const files = ['srv/page', 'srv/again'];
    const readers = [1, 2, 3].map(() =>
      spawn(process.execPath, [script, join(world.dir, 'current'), ...files]),
    );
    for (const { stdout } of readers) await once(stdout, 'readable');

    const paths = agentPaths(world.dir);
    for (let index = 0; index < 60; index++) {
      await switchGeneration({ paths, number: 1 + (index % 2), writablePaths: ['/var'] });
    }

    for (const reader of readers) {
      reader.kill('SIGTERM');
      const said = await text(reader.stdout);
      const { looks, ...faults } = JSON.parse(said.trim().split('\n').at(-1) ?? '');
      expect(looks).toBeGreaterThan(10);
      expect(faults).toEqual({ missing: 0, mixed: 0 });
    }
  });
});

describe('kill -9 while a mounted generation is made', () => {
  it('leaves the old or the new root, whole, and the next run completes it', {
    timeout: 240_000,
  }, async () => {
    const script = resolve(import.meta.dirname, 'run-killed.ts');
    await update(1);
    await update(2);
    await writeFile(inRoot('var/lib/site/rows'), 'rows');

    const cache = await mkdtemp(join(tmpdir(), 'gantry-compiled-'));
    onTestFinished(() => rm(cache, { recursive: true, force: true }));
    const env = { ...process.env, NODE_COMPILE_CACHE: cache };
    let version = 3;
    // Every twelfth step: each costs the start of a process.
    for (let isKilled = true, step = 0; isKilled; version++, step += 12) {
      const site = await world.module({
        name: 'site',
        files: { '/srv/page': `${long} ${version}`, '/srv/short': `${version}` },
      });
      await world.publish({ modules: [site], version });

      const child = spawn(process.execPath, [script, world.dir, String(step)], { env });
      const [, signal] = await once(child, 'exit');
      isKilled = signal === 'SIGKILL';

      const page = await readFile(inRoot('srv/page'), 'utf8');
      const short = await readFile(inRoot('srv/short'), 'utf8');
      expect(page).toBe(`${long} ${short}`);
      expect([version - 1, version]).toContain(Number(short));
      expect(await readFile(inRoot('var/lib/site/rows'), 'utf8')).toBe('rows');

      expect((await world.run()).report).toMatchObject({ desired_state_version: version });
      expect(await readFile(inRoot('srv/short'), 'utf8')).toBe(`${version}`);
      const numbers = (await readdir(join(world.dir, 'generations')))
        .filter((name) => /^\d+$/.test(name))
        .map(Number);
      expect(numbers.length).toBe(2);
      expect((await world.mountPoints()).sort()).toEqual(numbers.flatMap(mountsOf).sort());
    }

    // The probe, the commands of two mounts, two binds and their removal, and the renames.
    expect(version).toBeGreaterThan(6);
  });
});
