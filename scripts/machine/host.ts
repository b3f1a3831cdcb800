import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { eventually, expect, type Walk } from '../walk/context.ts';
import { copyTree, debianTree } from './debian-tree.ts';
import { Machine } from './nspawn.ts';

/** A machine of the template that is up, and what its services are called there. */
export interface Host {
  walk: Walk;
  machine: Machine;
  /** Its name in Gantry. */
  instance: string;
  /** Unit of Redis. */
  redis: string;
  /** Unit of a service that no change concerns. */
  other: string;
}

const directory = '/var/lib/gantry';

/** Boots a plain Debian with the agent's packages, enrolled in the way `services`. */
export async function bootDebian(
  walk: Walk,
  { work, debs, template }: { work: string; debs: string; template: string },
): Promise<Host> {
  walk.step('A Debian of its own boots, and gets the agent from its packages');
  const root = join(work, 'debian');
  await copyTree(
    await debianTree({ suite: 'trixie', packages: ['ca-certificates', 'libnss-systemd'] }),
    root,
  );
  await mkdir(join(root, 'debs'));
  await cp(debs, join(root, 'debs'), { recursive: true });

  const name = 'gantry-debian';
  const machine = await Machine.boot({ name, root, console: join(work, 'debian.log') });
  await machine.run('sh', '-c', 'dpkg --install /debs/gantry_*_amd64.deb /debs/gantry-agent_*.deb');
  walk.saw(`it is ${await machine.run('systemctl', 'is-system-running')}`);

  const token = await joinToken(walk, name, template);
  const enroll = ['agent', 'enroll', '--token', token, '--root', directory, '--way', 'services'];
  await machine.run('gantry', ...enroll);
  return {
    walk,
    machine,
    instance: name,
    redis: 'gantry-my-redis:redis-server.service',
    other: 'gantry-beacon:beacon.service',
  };
}

/** Makes an instance of the template. @returns its join token */
async function joinToken(walk: Walk, name: string, template: string): Promise<string> {
  const { answer } = await walk.gantry('instance', 'create', name, '--template', template);
  return z.string().parse(answer.join_token);
}

/** Lets the agent look until it has what is expected of it. */
export async function waitForAgent(
  { machine }: Pick<Host, 'machine'>,
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  await eventually(what, async () => {
    // The timer may have started it already: then this waits for that run.
    await machine.try('systemctl', 'start', 'gantry-agent.service');
    return (await holds()) ? true : undefined;
  }).catch(async (error: unknown) => {
    const { stdout } = await machine.try('journalctl', '--no-pager', '--lines=40', '--output=cat');
    throw new Error(`${String(error)}\n${stdout}`, { cause: error });
  });
}

export async function isActive({ machine }: Pick<Host, 'machine'>, unit: string): Promise<boolean> {
  return (await machine.try('systemctl', 'is-active', unit)).stdout === 'active\n';
}

/** The process of a unit and since when it runs: both change with a restart. */
export async function processOf({ machine }: Host, unit: string): Promise<string> {
  const properties = ['--property=MainPID,ExecMainStartTimestampMonotonic', unit];
  const shown = await machine.run('systemctl', 'show', ...properties);
  expect(!shown.includes('MainPID=0'), `a process of ${unit}, found none`);
  return shown;
}

/** What the control plane says of the machine. */
export async function expectNoDrift({ walk, instance }: Host): Promise<void> {
  const drift = await walk.gantry('drift', instance);
  const found = JSON.stringify(drift.answer);
  expect(drift.code === 0 && drift.answer.standing === 'in_sync', `no drift, found ${found}`);
  walk.saw('drift: false');
}
