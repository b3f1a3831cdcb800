import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readMounts } from '../../agent/mounts.ts';
import { projectRoot } from '../local-cloud.ts';
import { run } from '../run.ts';
import { eventually, type Walk } from '../walk/context.ts';
import { agentMinutes, type Host, joinToken } from './host.ts';
import { agentModule } from './modules.ts';
import { Machine } from './nspawn.ts';

/**
 * Boots a machine from the composition itself, in the way `root`. This computer is its installer:
 * it enrols the machine and lays out the first root on the machine's disk. Then it hands the disk
 * over, as the initramfs finds it.
 */
export async function bootComposition(
  walk: Walk,
  { work, template }: { work: string; template: string },
): Promise<Host> {
  walk.step('A machine boots from the composition, with systemd of a module as PID 1');
  const name = 'gantry-root';
  const disk = join(work, 'disk');
  const token = await joinToken(walk, name, template);
  await walk.gantry('agent', 'enroll', '--token', token, '--root', disk, '--way', 'root');
  await eventually('the first root', () => layOutRoot(walk, disk), agentMinutes);
  await unmountBelow(disk);

  const root = join(work, 'booted');
  await mkdir(root);
  await run(join(projectRoot, 'packaging/initramfs/gantry-mount-root'), [disk, root]);
  const args = ['--timezone=off', '--resolv-conf=off'];
  const machine = await Machine.boot({ name, root, console: join(work, 'root.log'), args });
  walk.saw(`it is ${(await machine.try('systemctl', 'is-system-running')).stdout.trim()}`);
  return {
    walk,
    machine,
    instance: name,
    redis: 'redis-server.service',
    other: 'gantry-beacon:beacon.service',
  };
}

/** Lays out what is composed by now. @returns true once the module of the agent is in it */
async function layOutRoot(walk: Walk, disk: string): Promise<true | undefined> {
  const ran = await walk.gantry('agent', 'run', '--once', '--root', disk).catch((error: Error) => {
    // Nothing is composed for a new machine yet.
    if (!error.message.endsWith('(unavailable)')) throw error;
    return undefined;
  });
  if (ran === undefined) return undefined;

  const { message, running_module_digests } = report.parse(ran.answer);
  if (message !== null) walk.saw(message);
  return running_module_digests !== null && agentModule in running_module_digests
    ? true
    : undefined;
}

const report = z.object({
  message: z.string().nullable(),
  running_module_digests: z.record(z.string(), z.string()).nullable(),
});

/** Unmounts what this computer has mounted below a folder, the innermost first. */
export async function unmountBelow(folder: string): Promise<void> {
  const points = (await readMounts()).map(({ point }) => point);
  for (const point of points.reverse())
    if (point.startsWith(`${folder}/`)) await run('umount', [point]);
}
