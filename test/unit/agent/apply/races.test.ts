import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layOutShippedData } from '../../../../agent/apply/shipped-data.ts';
import { removeTree } from '../../../../agent/files.ts';
import { agentPaths } from '../../../../agent/paths.ts';
import { Store } from '../../../../agent/verify/store.ts';
import type { TreeEntry } from '../../../../shared/domain/files/index.ts';
import { World } from '../world.ts';

// What a service on the machine can do that may write below /var, while the agent, as root, writes
// and removes there.

const swap = `
const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
const [path, target] = process.argv.slice(1);
process.stdout.write('ready');
for (;;) {
  try {
    renameSync(path, path + '.aside');
    symlinkSync(target, path);
    unlinkSync(path);
    renameSync(path + '.aside', path);
  } catch { if (!require('node:fs').existsSync(require('node:path').dirname(path))) process.exit(0); }
}`;

let dir: string;
let swapper: ChildProcess | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-races-'));
  await mkdir(join(dir, 'outside'));
  await writeFile(join(dir, 'outside/shadow'), 'secret');
});
afterEach(async () => {
  swapper?.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

/** Has a path be, by turns, what it is and a link to somewhere outside the root. */
async function swapping(path: string, target: string): Promise<void> {
  swapper = spawn(process.execPath, ['-e', swap, path, target], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(swapper.stdout as NodeJS.ReadableStream, 'data');
}

const noTree = { entries: [], contents: new Map(), owners: new Map(), added: new Set<string>() };
const own = {
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  mtime: 0,
  mtime_ns: 0,
  size: 0,
};
const shippedData: TreeEntry[] = [
  ...['/', '/var', '/var/lib', '/var/lib/app', '/var/lib/app/new'].map((path) => ({
    ...own,
    path,
    type: 'directory' as const,
    mode: 0o777,
  })),
  { ...own, path: '/var/lib/app/seed', type: 'file', mode: 0o666 },
];

describe('a link that replaces a file to write or remove', () => {
  it.each([
    ['the directory itself', 'var/lib/app'],
    ['a directory above it', 'var/lib'],
  ])('in place of %s leads no shipped file elsewhere', { timeout: 30_000 }, async (_, path) => {
    const paths = agentPaths(dir);
    const store = new Store(paths.store);
    await mkdir(join(dir, 'outside/app'));
    await mkdir(join(paths.machineData, 'var/lib/app'), { recursive: true });
    await swapping(join(paths.machineData, path), join(dir, 'outside'));

    for (let round = 0; round < 100; round++) {
      await layOutShippedData({ ...noTree, shippedData }, store, paths);
    }

    expect((await readdir(join(dir, 'outside'), { recursive: true })).sort()).toEqual([
      'app',
      'shadow',
    ]);
  });

  it('in place of the directory that shipped files are made in leads them nowhere', async () => {
    const paths = agentPaths(dir);
    const app = join(paths.machineData, 'var/lib/app');
    const staging = join(paths.machineData, '.gantry-unfinished');
    await mkdir(app, { recursive: true });
    await symlink(join(dir, 'outside'), staging);

    await layOutShippedData({ ...noTree, shippedData }, new Store(paths.store), paths);
    expect(await readdir(join(dir, 'outside'))).toEqual(['shadow']);
    expect((await readdir(app)).sort()).toEqual(['new', 'seed']);
    expect(await readdir(paths.machineData)).toEqual(['var']);
  });

  it('leads the removal nowhere', { timeout: 30_000 }, async () => {
    for (let round = 0; round < 20; round++) {
      const old = join(dir, 'old');
      await mkdir(join(old, 'lib'), { recursive: true });
      for (let n = 0; n < 50; n++) await writeFile(join(old, 'lib', `f${n}`), 'x');
      await swapping(join(old, 'lib'), join(dir, 'outside'));
      await removeTree(old).catch(() => undefined);
      swapper?.kill('SIGKILL');
      expect(await readFile(join(dir, 'outside/shadow'), 'utf8')).toBe('secret');
      await removeTree(old);
    }
  });
});

describe('what lies in store, images and records', () => {
  it('is for the agent’s user only: there it has not the modes that the root gives it', async () => {
    const world = await World.start();
    await world.enroll();

    const key = {
      mode: 0o600,
      content: 'a private key, which is longer than sixty-four bytes, so that it lies in the store',
    };
    await world.publish({
      modules: [await world.module({ name: 'site', files: { '/etc/key': key } })],
      version: 1,
    });
    await world.run();
    await world.publish({ modules: [], version: 2 });
    await world.run();

    const open = async (path: string) => ((await stat(join(world.dir, path))).mode & 0o077) !== 0;
    for (const path of [
      'agent',
      'store',
      'images',
      'generations/1.state.json',
      'generations/2.state.json',
    ]) {
      expect([path, await open(path)]).toEqual([path, false]);
    }

    await world.stop();
  });
});
