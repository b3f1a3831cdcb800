import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeTree } from '../../../agent/files.ts';
import { requires } from '../../support/requirements.ts';
import { World } from './world.ts';

// Real mounts in what the agent removes: it never deletes across the border of a file system.

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

/** Mounts a directory of the host, which has one file, at a path. */
async function mountHost(path: string, kind: 'bind' | 'tmpfs'): Promise<void> {
  const host = `${world.dir}/host`;
  await mkdir(host, { recursive: true });
  mkdirSync(path, { recursive: true });

  if (kind === 'bind') execFileSync('mount', ['--bind', host, path]);
  else execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', path]);
  world.mounts.push(path);
  await writeFile(join(path, 'customers'), 'rows');
}

function unmount(): void {
  for (const path of world.mounts.splice(0).reverse()) execFileSync('umount', [path]);
}

async function update(version: number) {
  const site = await world.module({ name: 'site', files: { '/srv/page': `page ${version}` } });
  await world.publish({ modules: [site], version });
  return world.run();
}

async function generations(): Promise<string[]> {
  const names = await readdir(join(world.dir, 'generations'));
  return names.filter((name) => /^\d+$/.test(name)).sort();
}

describe('a generation with a mount in it', () => {
  it.for([
    ['a bind mount of the same file system', 'bind', 'run/host'],
    ['another file system', 'tmpfs', 'dev'],
    ['a mount deep down, with an odd name', 'bind', 'tmp/a b/c\\134d/ü'],
    ['a mount on the root itself', 'tmpfs', '.'],
  ] as const)('stays, is named and loses nothing: %s', async ([, kind, path], context) => {
    requires(context, 'root');
    await world.enroll();
    await update(1);
    await update(2);
    const point = join(world.dir, 'generations/1', path);
    await mountHost(point, kind);

    for (const version of [3, 4]) {
      const { report, generation } = await update(version);
      expect(report).toMatchObject({
        status: 'applied',
        code: 'mount_found',
        desired_state_version: version,
        health: 'degraded',
      });

      expect(report.message).toBe(
        `${join(world.dir, 'generations/1')} stays: expected no mount at or below it, found one at ${point}. Unmount it first.`,
      );
      expect(generation).toBe(version);
      expect(world.reports.at(-1)).toEqual(report);
      expect(await readFile(join(point, 'customers'), 'utf8')).toBe('rows');
    }

    expect((await world.run()).report).toMatchObject({
      status: 'unchanged',
      code: 'mount_found',
      health: 'degraded',
    });
    expect(await generations()).toEqual(['1', '3', '4']);

    unmount();
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
    expect(await generations()).toEqual(['3', '4']);
  });

  it('is refused also while it is being built', async (context) => {
    requires(context, 'root');
    await world.enroll();
    await update(1);
    const point = join(world.dir, 'generations/.tmp-2/run');
    await mountHost(point, 'bind');

    const { report, generation } = await update(2);
    expect(report).toMatchObject({ status: 'refused', code: 'mount_found' });
    expect(generation).toBe(1);
    expect(await readFile(join(point, 'customers'), 'utf8')).toBe('rows');

    unmount();
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
  });
});

describe('a directory in the place of the link `current`', () => {
  it('is left alone while something is mounted in it', async (context) => {
    requires(context, 'root');
    await world.enroll();
    await update(1);
    const current = join(world.dir, 'current');
    await rm(current);
    await mountHost(join(current, 'data'), 'bind');

    const { report } = await world.run();
    expect(report).toMatchObject({ status: 'refused', code: 'mount_found', health: 'unknown' });
    expect(report.message).toContain(`found one at ${join(current, 'data')}.`);
    expect(await readFile(join(current, 'data/customers'), 'utf8')).toBe('rows');

    unmount();
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: 'root_tampered' });
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
  });
});

describe('a tree that is removed', () => {
  it('is looked at below the real path that a link leads to', async (context) => {
    requires(context, 'root');
    await mountHost(join(world.dir, 'real/tree/data'), 'bind');
    execFileSync('ln', ['-s', join(world.dir, 'real'), join(world.dir, 'link')]);

    await expect(removeTree(join(world.dir, 'link/tree'))).rejects.toMatchObject({
      code: 'mount_found',
      field: join(world.dir, 'real/tree/data'),
    });
    expect(await readFile(join(world.dir, 'real/tree/data/customers'), 'utf8')).toBe('rows');
  });

  it('goes although a neighbour with a longer name has a mount', async (context) => {
    requires(context, 'root');
    await mountHost(join(world.dir, 'tree-2/data'), 'bind');
    await mkdir(join(world.dir, 'tree/data'), { recursive: true });

    await removeTree(join(world.dir, 'tree'));
    expect(existsSync(join(world.dir, 'tree'))).toBe(false);
  });
});

describe('the agent’s sources', () => {
  it('remove trees in one place only', async () => {
    const agent = resolve(import.meta.dirname, '../../../agent');
    const offenders: string[] = [];

    for (const name of await readdir(agent, { recursive: true })) {
      if (!name.endsWith('.ts')) continue;
      const source = await readFile(join(agent, name), 'utf8');
      if (/\brm(Sync)?\([^;]*recursive|\brmdir(Sync)?\([^;]*recursive|\bcp(Sync)?\(/.test(source))
        offenders.push(name);
      if (name !== 'files.ts' && source.includes("'rm'")) offenders.push(name);
    }

    expect(offenders).toEqual([]);
  });
});
