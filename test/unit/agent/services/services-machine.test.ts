import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Machine } from '../../../support/nspawn.ts';
import { requires } from '../../../support/requirements.ts';
import type { Content, Module } from '../machine-content.ts';
import { World } from '../world.ts';
import { bootMachine, canBoot, makeMachineTree, toBoot } from './boot-here.ts';

const work = mkdtempSync(join(tmpdir(), 'gantry-machine-'));
const root = join(work, 'root');
const dir = '/srv/gantry';

let world: World;
let machine: Machine;
let base: Module;
beforeAll(async () => {
  if (!canBoot) return;

  await makeMachineTree(work);
  mkdirSync(join(root, dir), { recursive: true });
  world = await World.start();
  base = await world.module({ name: 'base', files: shellOf(root) });

  // It has the network of this computer, and so reaches the world.
  machine = await bootMachine('gantry-machine', work);
}, 600_000);
afterAll(async () => {
  await machine?.stop();
  await world?.stop();
  rmSync(work, { recursive: true, force: true });
}, 120_000);
beforeEach((context) => requires(context, ...toBoot));

/** A shell with what it needs, from a Debian tree. */
function shellOf(tree: string): Record<string, Content> {
  const file = (path: string) => ({ mode: 0o755, content: readFileSync(join(tree, path)) });
  const libraries = '/usr/lib/x86_64-linux-gnu';
  return {
    '/bin': { target: 'usr/bin' },
    '/lib': { target: 'usr/lib' },
    '/lib64': { target: 'usr/lib64' },
    '/usr/bin/sh': file('/usr/bin/dash'),
    '/usr/bin/sleep': file('/usr/bin/sleep'),
    '/usr/lib64/ld-linux-x86-64.so.2': file(`${libraries}/ld-linux-x86-64.so.2`),
    [`${libraries}/libc.so.6`]: file(`${libraries}/libc.so.6`),
  };
}

/** A module with one service, which notes its start in its own data and runs `command`. */
async function service(name: string, version: string, command = 'exec sleep infinity') {
  const program = `#!/bin/sh\necho ${version} >> /var/lib/${name}/starts\n${command}\n`;
  return await world.module({
    name,
    priority: 50,
    files: {
      [`/usr/libexec/${name}`]: { mode: 0o755, content: program },
      [`/var/lib/${name}/.keep`]: '',
    },
    manifest: {
      services: [
        { name: 'main', start_command: `/usr/libexec/${name}`, restart_policy: 'on-failure' },
      ],
    },
  });
}

async function gantry(...args: string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr, code } = await machine.try(
    'node',
    '/gantry/cli/main.ts',
    ...['agent', ...args, '--root', dir, '--json'],
  );
  if (stdout === '') throw new Error(`gantry agent ${args[0]} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

async function property(unit: string, key: string): Promise<string> {
  return machine.run('systemctl', 'show', '--value', `--property=${key}`, unit);
}

function starts(name: string): string[] {
  const path = join(root, dir, `machine-data/var/lib/${name}/starts`);
  return readFileSync(path, 'utf8').trim().split('\n');
}

const db = 'gantry-db:main.service';
const web = 'gantry-web:main.service';

describe('a machine in the way services', { timeout: 300_000 }, () => {
  it('runs what is declared, restarts only what changed, and goes back by itself', async () => {
    await gantry('enroll', '--token', world.token(), '--way', 'services');
    const modules = [base, await service('db', '1'), await service('web', '1')];
    await world.publish({ modules, version: 1 });

    expect(await gantry('run', '--once')).toMatchObject({
      status: 'applied',
      code: null,
      message: null,
    });
    expect(await property(db, 'ActiveState')).toBe('active');
    expect(await property(db, 'RootDirectory')).toBe(`${dir}/generations/1`);
    const before = await property(db, 'MainPID');

    await world.publish({
      modules: [base, modules[1] as Module, await service('web', '2')],
      version: 2,
    });
    expect(await gantry('run', '--once')).toMatchObject({
      status: 'applied',
      code: null,
      message: null,
    });
    expect(await property(db, 'MainPID')).toBe(before);
    expect(starts('web')).toEqual(['1', '2']);

    const broken = await service('web', '3', 'echo out of luck >&2; exit 1');
    await world.publish({ modules: [base, modules[1] as Module, broken], version: 3 });
    expect(await gantry('run', '--once')).toMatchObject({
      status: 'refused',
      code: 'rolled_back',
      generation: 2,
      message: expect.stringMatching(
        /generation 2 runs again: gantry-web:main\.service .*out of luck/,
      ),
    });
    expect(await property(web, 'ActiveState')).toBe('active');
    expect(await property(db, 'MainPID')).toBe(before);
    expect(starts('web').at(-1)).toBe('2');

    // It is not tried again.
    const count = starts('web').length;
    expect(await gantry('run', '--once')).toMatchObject({ status: 'refused', code: 'rolled_back' });
    expect(starts('web').length).toBe(count);

    const status = await gantry('status');
    expect(status).toMatchObject({
      way: 'services',
      services: [
        { unit: db, state: 'active' },
        { unit: web, state: 'active' },
      ],
      blocked: { code: 'rolled_back' },
    });
  });

  it('goes back when a person says so, without any request', async () => {
    world.requests.length = 0;
    expect(await gantry('rollback')).toMatchObject({ generation: 1, faults: [] });
    expect(world.requests).toEqual([]);
    expect(starts('web').at(-1)).toBe('1');
    expect(await property(web, 'RootDirectory')).toBe(`${dir}/generations/1`);

    await gantry('rollback', '--resume');
  });

  it('stops what is gone', async () => {
    await world.publish({ modules: [base, await service('web', '4')], version: 4 });
    expect(await gantry('run', '--once')).toMatchObject({
      status: 'applied',
      code: null,
      message: null,
    });
    expect(await property(db, 'LoadState')).toBe('not-found');
    expect(starts('web').at(-1)).toBe('4');
  });

  it('reports a module without services that needs a boot, until the boot', async () => {
    const firmware = async (version: string) =>
      await world.module({
        name: 'firmware',
        files: { '/usr/lib/firmware/one': version },
        manifest: { reboot_required: true },
      });
    const waits = {
      code: 'pending_reboot',
      message: 'The version of firmware takes effect at the next boot.',
    };
    const served = await service('web', '4');

    await world.publish({ modules: [base, served, await firmware('1')], version: 5 });
    expect(await gantry('run', '--once')).toMatchObject({ status: 'applied', ...waits });
    expect(await gantry('run', '--once')).toMatchObject({ status: 'unchanged', ...waits });

    await machine.cut();
    machine = await bootMachine('gantry-machine', work);
    expect(await gantry('run', '--once')).toMatchObject({ status: 'unchanged', code: null });

    const before = await property(web, 'MainPID');
    await world.publish({ modules: [base, served, await firmware('2')], version: 6 });
    expect(await gantry('run', '--once')).toMatchObject({ status: 'applied', ...waits });
    expect(await property(web, 'MainPID')).toBe(before);

    // The version that the machine booted with is back.
    await world.publish({ modules: [base, served, await firmware('1')], version: 7 });
    expect(await gantry('run', '--once')).toMatchObject({ status: 'applied', code: null });
  });

  it('starts its services again after a power cut, without the network', async () => {
    await machine.cut();
    machine = await bootMachine('gantry-machine', work, ['--private-network']);
    const count = starts('web').length;
    expect(await gantry('run', '--once').catch(() => undefined)).toBeUndefined();
    expect(await property(web, 'ActiveState')).toBe('active');
    expect(starts('web').length).toBe(count + 1);
  });
});
