import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '../../../support/nspawn.ts';
import { requires } from '../../../support/requirements.ts';
import type { Module, World } from '../world.ts';
import {
  bootMachine,
  here,
  isPossible,
  type Prepared,
  prepareMachine,
  publishPage,
  removeMachine,
  runAgent,
} from './root-here.ts';

// A machine that boots from its composition: systemd as PID 1 in mounts that the agent made.

let prepared: Prepared;
let world: World;
let base: Module;
let machine: Machine;

beforeAll(async () => {
  if (!isPossible) return;
  prepared = await prepareMachine('trixie');
  ({ world, base } = prepared);
}, 300_000);
afterAll(async () => {
  await machine?.stop();
  if (prepared !== undefined) await removeMachine(prepared);
}, 120_000);

const publish = (version: number) => publishPage(prepared, version);
const agent = (...args: string[]) => runAgent(machine, ...args);

async function boot(): Promise<void> {
  machine = await bootMachine(prepared);
}

describe('a machine that boots from its composition', () => {
  it('is prepared where it does not run yet', async (context) => {
    requires(context, ...here);
    await publish(1);
    const { report } = await world.run();
    expect(report).toMatchObject({ status: 'applied', code: null });
  });

  it('boots, with an identity and data of its own', async (context) => {
    requires(context, ...here);
    await mkdir(join(world.dir, 'machine-data/etc'), { recursive: true });
    await writeFile(join(world.dir, 'machine-data/etc/hostname'), 'web-1\n');
    await boot();

    expect(await machine.run('cat', '/srv/page')).toBe('version 1');
    expect(await machine.run('cat', '/etc/machine-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(await machine.run('cat', '/etc/hostname')).toBe('web-1');
    expect((await machine.try('touch', '/usr/mine')).stderr).toContain('Read-only file system');
    await machine.run('touch', '/var/lib/mine');
    expect(await readFile(join(world.dir, 'machine-data/var/lib/mine'), 'utf8')).toBe('');
    expect(JSON.parse(await agent('boot'))).toEqual({
      generation: 1,
      path: '/var/lib/gantry/generations/1',
    });
    expect(JSON.parse(await agent('run', '--once'))).toMatchObject({
      status: 'unchanged',
      code: null,
      health: 'healthy',
    });
  });

  it('follows by a soft-reboot, with the new root on trial until it is healthy', async (context) => {
    requires(context, ...here);
    await publish(2);
    expect(JSON.parse(await agent('run', '--once'))).toMatchObject({
      status: 'applied',
      code: null,
    });
    await awaitPage('version 2');

    expect(await machine.run('systemctl', 'show', '--property=SoftRebootsCount', '--value')).toBe(
      '1',
    );
    expect(await readFile(join(world.dir, 'boot/trial'), 'utf8')).toBe('2 1 1 0\n');
    expect(await machine.run('ls', '/var/lib/mine')).toBe('/var/lib/mine');
    expect(JSON.parse(await agent('run', '--once'))).toMatchObject({
      status: 'unchanged',
      code: null,
    });
    expect(existsSync(join(world.dir, 'boot/trial'))).toBe(false);
    expect(JSON.parse(await machine.run('cat', '/run/gantry/metadata.json'))).toHaveProperty(
      'instance',
    );
  });

  it('keeps the roots that it runs and can return to, through many soft-reboots', async (context) => {
    requires(context, ...here);
    for (const version of [3, 4]) {
      await publish(version);
      expect(JSON.parse(await agent('run', '--once'))).toMatchObject({ code: null });
      await awaitPage(`version ${version}`);
      expect(JSON.parse(await agent('run', '--once'))).toMatchObject({
        status: 'unchanged',
        code: null,
      });
    }

    const names = readdirSync(join(world.dir, 'generations'));
    expect(names.filter((name) => /^\d+$/.test(name)).sort()).toEqual(['3', '4']);
  });

  it('boots the root before a new one that was never healthy, and stays there', async (context) => {
    requires(context, ...here);
    await machine.cut();
    await writeFile(join(world.dir, 'boot/trial'), '4 3 3 0\n');
    await boot();
    expect(await machine.run('cat', '/srv/page')).toBe('version 3');

    const report = JSON.parse(await agent('run', '--once'));
    expect(report).toMatchObject({ code: 'rolled_back', generation: 4 });
    await expect(agent('run', '--once')).rejects.toThrow('rolled_back');
    expect(readlinkSync(join(world.dir, 'current'))).toBe('generations/3');
  });
});

describe('services of a machine that boots from its composition', () => {
  const beacon = 'gantry-beacon:beacon.service';

  /** A module with a unit as packages have it, and one whose unit is generated. */
  async function publishServices(version: number, name: string, command = 'sleep infinity') {
    const db = await world.module({
      name: 'db',
      files: {
        '/usr/lib/systemd/system/db.service': `[Service]\nExecStart=/usr/bin/${command}\n`,
        [`/etc/systemd/system/db.service.d/${name}.conf`]: `[Service]\nEnvironment=DB_${name}=1\n`,
      },
      manifest: { services: [{ name: 'db' }] },
    });
    const start_command = '/usr/bin/sleep infinity';
    const other = await world.module({
      name: 'beacon',
      files: { '/srv/beacon': '' },
      manifest: { services: [{ name: 'beacon', start_command }] },
    });
    await world.publish({ modules: [base, db, other], version });
  }

  const show = (unit: string, property: string) =>
    machine.run('systemctl', 'show', '--value', `--property=${property}`, unit);

  /** What the process of a service has of the versions of its module. */
  async function versionsOf(unit: string): Promise<string[]> {
    const path = `/proc/${await show(unit, 'MainPID')}/environ`;
    const variables = (await machine.run('cat', path)).split('\0');
    return variables.filter((one) => one.startsWith('DB_'));
  }

  it('start with it, under the names of their packages', async (context) => {
    requires(context, ...here);
    await publishServices(5, 'one');
    expect(JSON.parse(await agent('run', '--once'))).toMatchObject({ code: null });
    await expect
      .poll(() => machine.run('sh', '-c', 'ls /etc/systemd/system'), { timeout: 60_000 })
      .toContain('db.service.d');
    await expect
      .poll(() => machine.try('systemctl', 'is-system-running'), { timeout: 60_000 })
      .toMatchObject({ stdout: 'running\n' });

    for (const unit of ['db.service', beacon, 'beacon.service'])
      expect(await machine.run('systemctl', 'is-active', unit)).toBe('active');
    expect(await versionsOf('db.service')).toEqual(['DB_one=1']);
  });

  it('restart alone when their module changes, and PID 1 keeps its root', async (context) => {
    requires(context, ...here);
    const before = await show(beacon, 'MainPID');
    await publishServices(6, 'two');
    expect(JSON.parse(await agent('run', '--once'))).toMatchObject({
      status: 'applied',
      code: null,
      message: null,
    });

    expect(await machine.run('systemctl', 'is-active', 'db.service')).toBe('active');
    expect(await show('db.service', 'RootDirectory')).toMatch(/^\/var\/lib\/gantry\/generations\//);
    // Nothing of the root that PID 1 has is left in it.
    expect(await versionsOf('db.service')).toEqual(['DB_two=1']);
    expect(await show(beacon, 'MainPID')).toBe(before);
    expect(await machine.run('ls', '/etc/systemd/system/db.service.d')).toBe('one.conf');
  });

  it('go back to the version before when they do not come up', async (context) => {
    requires(context, ...here);
    const before = await show(beacon, 'MainPID');
    await publishServices(7, 'three', 'false');
    expect(await agent('run', '--once').catch(String)).toContain('rolled_back');
    expect(await machine.run('systemctl', 'is-active', 'db.service')).toBe('active');
    expect(await versionsOf('db.service')).toEqual(['DB_two=1']);
    expect(await show(beacon, 'MainPID')).toBe(before);
  });
});

/** Waits until the machine has a page and all its units run. */
async function awaitPage(content: string): Promise<void> {
  const wanted = { stdout: `${content}running\n` };
  const show = 'cat /srv/page; systemctl is-system-running';
  await expect.poll(() => machine.try('sh', '-c', show), { timeout: 60_000 }).toMatchObject(wanted);
}
