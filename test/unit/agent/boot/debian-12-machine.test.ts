import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Machine } from '../../../support/nspawn.ts';
import { requires } from '../../../support/requirements.ts';
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

// Debian 12 has a kernel that mounts no composition, and a systemd without soft-reboot.

let prepared: Prepared;
let machine: Machine | undefined;

beforeAll(async () => {
  if (isPossible) prepared = await prepareMachine('bookworm', 'copy');
}, 300_000);
afterAll(async () => {
  await machine?.stop();
  if (prepared !== undefined) await removeMachine(prepared);
}, 120_000);
beforeEach((context) => requires(context, ...here));

async function reboot(): Promise<Machine> {
  await machine?.stop();
  machine = await bootMachine(prepared);
  return machine;
}

const trial = () => join(prepared.world.dir, 'boot/trial');

describe('a machine of Debian 12 that boots from its composition', { timeout: 120_000 }, () => {
  it('boots a copy, and reports a new root that waits for a boot', async () => {
    await publishPage(prepared, 1);
    await prepared.world.run();
    const machine = await reboot();
    expect(await machine.run('cat', '/srv/page')).toBe('version 1');
    expect((await machine.try('touch', '/usr/mine')).stderr).toContain('Read-only file system');
    expect(JSON.parse(await runAgent(machine, 'run', '--once'))).toMatchObject({ code: null });

    await publishPage(prepared, 2);
    const waits = {
      code: 'pending_reboot',
      message:
        'Generation 2 becomes the root of the machine at its next boot. Its systemd is 252, and a new root without a reboot needs 254.',
    };
    for (const status of ['applied', 'unchanged']) {
      const told = JSON.parse(await runAgent(machine, 'run', '--once'));
      expect(told).toMatchObject({ status, ...waits });
      expect(prepared.world.reports.at(-1)).toMatchObject(waits);
    }

    expect(readFileSync(trial(), 'utf8')).toBe('2 1 0 0\n');
    expect(await machine.run('cat', '/srv/page')).toBe('version 1');
  });

  it('has the new root after the boot, on trial until it is healthy', async () => {
    const machine = await reboot();
    expect(await machine.run('cat', '/srv/page')).toBe('version 2');
    expect(readFileSync(trial(), 'utf8')).toBe('2 1 1 0\n');

    expect(JSON.parse(await runAgent(machine, 'run', '--once'))).toMatchObject({
      status: 'unchanged',
      code: null,
      health: 'healthy',
    });
    expect(existsSync(trial())).toBe(false);
  });
});
