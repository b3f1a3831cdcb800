import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enroll } from '../../../../agent/enroll.ts';
import { requires } from '../../../support/requirements.ts';
import { World } from '../world.ts';

// The way from an agent that kept the machine's data in its generations.

const moved = ['var', 'srv/db'];

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

function inRoot(path: string): string {
  return join(world.dir, 'generations/1', path);
}

function inData(path: string): string {
  return join(world.dir, 'machine-data', path);
}

function mount(path: string, ...args: string[]): void {
  execFileSync('mount', [...args, path]);
  world.mounts.push(path);
}

async function publish(version: number): Promise<void> {
  const site = await world.module({
    name: 'site',
    files: { '/srv/page': `page ${version}`, '/var/seed': 'seed', '/srv/db/schema': 'schema' },
  });
  await world.publish({ modules: [site], version });
}

/** A directory as an earlier agent left it: the data is in the generation. */
async function startEarlierMachine(): Promise<void> {
  await enroll({
    token: world.token(),
    dir: world.dir,
    writablePaths: ['/var', '/srv/db', '/srv/db/deep'],
  });
  await publish(1);
  await world.run();

  for (const path of moved) {
    await unlink(inRoot(path));
    await rename(inData(path), inRoot(path));
  }

  await rm(join(world.dir, 'machine-data'), { recursive: true });
  await rmdir(inRoot('machine-data'));

  await mkdir(inRoot('var/lib/app'), { recursive: true });
  await writeFile(inRoot('var/lib/app/data'), 'mine');
  await link(inRoot('var/lib/app/data'), inRoot('var/lib/app/hard-link'));
  await writeFile(inRoot('srv/db/rows'), 'rows');
}

describe('data that an earlier agent kept in the running generation', () => {
  it('moves out of it once, by renames, and the root stays the same', async () => {
    await startEarlierMachine();
    const { ino } = await stat(inRoot('var/lib/app/data'));
    const unchanged = { status: 'unchanged', code: null, health: 'healthy' };

    for (let times = 0; times < 2; times++) {
      const result = await world.run();
      expect(result).toMatchObject({ generation: 1, report: unchanged });
    }

    expect((await stat(inData('var/lib/app/data'))).ino).toBe(ino);
    expect(await readFile(inData('srv/db/rows'), 'utf8')).toBe('rows');
    expect(await readlink(inRoot('var'))).toBe('../../machine-data/var');
    expect(await readlink(inRoot('srv/db'))).toBe('../../../machine-data/srv/db');

    for (const version of [2, 3]) {
      await publish(version);
      expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
    }

    expect(existsSync(inRoot(''))).toBe(false);
    expect((await stat(join(world.dir, 'current/var/lib/app/data'))).ino).toBe(ino);
  });

  it('is whole after kill -9 at any step, and moved by the next run', {
    timeout: 60_000,
  }, async () => {
    await startEarlierMachine();
    await chmod(inRoot('srv'), 0o751);
    const script = resolve(import.meta.dirname, 'move-killed.ts');
    const files = ['mine', 'mine', 'rows', 'schema', 'seed'];
    let steps = 0;

    for (let isKilled = true; isKilled; steps++) {
      const dir = `${world.dir}-killed-${steps}`;
      execFileSync('cp', ['-a', world.dir, dir]);

      const { signal } = spawnSync(process.execPath, [script, dir, String(steps)]);
      isKilled = signal === 'SIGKILL';
      expect(await readAll(dir)).toEqual(files);

      expect(spawnSync(process.execPath, [script, dir, '-1']).status).toBe(0);
      expect(await readAll(dir)).toEqual(files);
      for (const path of moved) {
        expect((await lstat(join(dir, 'generations/1', path))).isSymbolicLink()).toBe(true);
      }
      expect((await stat(join(dir, 'machine-data/srv'))).mode & 0o777).toBe(0o751);
      await rm(dir, { recursive: true });
    }

    // Two renames, two links, the directory above one of them, and the mount point.
    expect(steps).toBeGreaterThan(6);
  });

  it('moves together with what is mounted below it', async (context) => {
    requires(context, 'root');
    await startEarlierMachine();
    await mkdir(inRoot('var/lib/disk'));
    mount(inRoot('var/lib/disk'), '-t', 'tmpfs', 'tmpfs');
    await writeFile(inRoot('var/lib/disk/customers'), 'rows');

    for (const version of [2, 3, 4]) {
      await publish(version);
      expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
    }

    world.mounts = [inData('var/lib/disk')];
    expect(await readFile(inData('var/lib/disk/customers'), 'utf8')).toBe('rows');
  });

  it.for([
    ['another file system', ['-t', 'tmpfs', 'tmpfs']],
    ['a directory of the same file system', ['--bind', 'outside']],
  ] as const)(
    'stays where it is a mount of %s, until that is mounted at the new place',
    async ([, args], context) => {
      requires(context, 'root');
      await startEarlierMachine();
      const outside = join(world.dir, 'outside');
      await mkdir(outside);
      await rename(inRoot('var'), join(world.dir, 'former'));
      await mkdir(inRoot('var'));
      mount(inRoot('var'), ...args.map((arg) => (arg === 'outside' ? outside : arg)));
      await writeFile(inRoot('var/customers'), 'rows');

      await publish(2);
      for (let times = 0; times < 2; times++) {
        await expect(world.run()).rejects.toMatchObject({ code: 'machine_data_unmoved' });
        expect(world.reports.at(-1)).toMatchObject({
          status: 'refused',
          code: 'machine_data_unmoved',
          desired_state_version: 1,
          health: 'degraded',
        });
        expect(world.reports.at(-1)?.message).toContain(
          `${inRoot('var')} could not be moved out of its generation: it is a mount point. Unmount it, and mount it at ${inData('var')}.`,
        );
        expect(await readFile(inRoot('var/customers'), 'utf8')).toBe('rows');
      }

      // In either order: here the new place comes first.
      await mkdir(inData('var'), { recursive: true });
      execFileSync('mount', ['--move', inRoot('var'), inData('var')]);
      world.mounts = [inData('var')];
      expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
      expect(await readFile(join(world.dir, 'current/var/customers'), 'utf8')).toBe('rows');
    },
  );

  it('stays, and is named, where there is other data at the new place', async () => {
    await startEarlierMachine();
    await mkdir(inData('var'), { recursive: true });
    await writeFile(inData('var/other'), 'other');

    await expect(world.run()).rejects.toMatchObject({
      code: 'machine_data_unmoved',
      message: expect.stringContaining(`there is also ${inData('var')}.`),
    });
    expect(await readFile(inRoot('var/lib/app/data'), 'utf8')).toBe('mine');
    expect(await readFile(inData('var/other'), 'utf8')).toBe('other');
  });
});

/** The contents of all files of the machine, wherever they are. */
async function readAll(dir: string): Promise<string[]> {
  const contents: string[] = [];
  for (const top of ['generations/1/var', 'generations/1/srv/db', 'machine-data']) {
    if (!(await lstat(join(dir, top)).catch(() => undefined))?.isDirectory()) continue;
    const entries = await readdir(join(dir, top), { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((found) => found.isFile())) {
      contents.push(await readFile(join(entry.parentPath, entry.name), 'utf8'));
    }
  }

  return contents.sort();
}
