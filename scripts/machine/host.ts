import { z } from 'zod';
import { eventually, expect, type Walk } from '../walk/context.ts';
import type { Machine } from './nspawn.ts';

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

/** Where a machine has the agent's directory. */
export const agentDirectory = '/var/lib/gantry';

/** Makes an instance of the template. @returns its join token */
export async function joinToken(walk: Walk, name: string, template: string): Promise<string> {
  const { answer } = await walk.gantry('instance', 'create', name, '--template', template);
  return z.string().parse(answer.join_token);
}

/** A look takes a second or two; on a busy computer half a minute. */
export const agentMinutes = 5;

/** Lets the agent look until it has what is expected of it. */
export async function waitForAgent(
  { machine }: Pick<Host, 'machine'>,
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const look = async () => {
    // The timer may have started it already: then this waits for that run.
    await machine.try('systemctl', 'start', 'gantry-agent.service');
    return (await holds()) ? true : undefined;
  };
  await eventually(what, look, agentMinutes).catch(async (error: unknown) => {
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
