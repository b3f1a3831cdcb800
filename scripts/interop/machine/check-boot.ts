import { mkdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeTrial } from '../../../agent/boot/trial.ts';
import { readMounts } from '../../../agent/mounts.ts';
import { agentPaths } from '../../../agent/paths.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { type BuiltModule, Modules, platform } from '../../machine/modules.ts';
import { assign, publish } from '../../machine/publish.ts';
import { run } from '../../run.ts';
import { eventually, expect, type Walk } from '../../walk/context.ts';
import { rootUuid, writeDisk } from './disk.ts';
import { type Kernel, makeKernel } from './kernel.ts';
import { buildBrokenInit, buildWitness, redisWorks } from './modules.ts';
import { bootUntil } from './qemu.ts';

/** The name of this check for `--only` and `--without`. */
export const machineName = 'machine';

const template = 'cache';

/** What the check runs, with its Debian package, and how it says that it is there. */
const programs = [
  ['qemu-system-x86_64', 'qemu-system-x86', '--version'],
  ['mmdebstrap', 'mmdebstrap', '--version'],
  ['sfdisk', 'fdisk', '--version'],
  ['mke2fs', 'e2fsprogs', '-V'],
] as const;

/** @throws GantryError `prerequisite_missing` if this computer cannot prepare and boot a machine */
export async function requireBoot(): Promise<void> {
  const without = `, or leave it out: --without ${machineName}`;
  if (process.getuid?.() !== 0) {
    const message = `expected root, which lays out a machine, found another user; be root${without}`;
    throw new GantryError('prerequisite_missing', message);
  }

  for (const [program, name, option] of programs)
    await run(program, [option]).catch(() => {
      const message = `expected the program ${program}, found none; apt-get install ${name}${without}`;
      throw new GantryError('prerequisite_missing', message);
    });
}

/**
 * Boots a composition with Debian's kernel and the initramfs hook in qemu, in the way `root`: first
 * a good one, then one that never comes up, which the machine leaves for the good one.
 */
export async function checkBoot(walk: Walk, work: string): Promise<void> {
  const kernel = await makeKernel(work);
  const modules = await Modules.open(work);
  const [witness, brokenInit] = [await buildWitness(walk), await buildBrokenInit(walk)];
  await walk.gantry('template', 'create', template, '--platform', platform);
  await add(walk, await modules.base());
  await add(walk, await modules.redis('v1.0.0', 'maxclients 1000'));
  await add(walk, witness);

  walk.step('An installer prepares the disk of a machine, which boots from it');
  const machine = { content: join(work, 'disk'), work, kernel };
  const directory = join(machine.content, 'gantry');
  await mkdir(machine.content);
  const created = await walk.gantry('instance', 'create', 'qemu', '--template', template);
  const token = z.string().parse(created.answer.join_token);
  await walk.gantry('agent', 'enroll', '--token', token, '--root', directory, '--way', 'root');
  await layOut(walk, directory, 1);
  await boot(machine, 'good', redisWorks);
  walk.saw('redis-server.service: active, PONG');

  await add(walk, brokenInit);
  walk.step('A root that never comes up is booted three times, then the one before it');
  await layOut(walk, directory, 2);
  // As the agent of the machine leaves it when the next boot takes a new root.
  const trial = { generation: 2, previous: 1, boots: 0, looks: 0 };
  await writeTrial(agentPaths(directory), trial);
  const said = await boot(machine, 'broken', redisWorks);
  requireReturn(said);
  walk.saw('booting 1; redis-server.service: active, PONG');
}

async function add(walk: Walk, built: BuiltModule): Promise<void> {
  await publish(walk, built);
  await assign(walk, template, built.name);
}

/** Lets the agent lay out a generation, and leaves nothing mounted: the disk is for a machine. */
async function layOut(walk: Walk, directory: string, generation: number): Promise<void> {
  try {
    await eventually(`generation ${generation}`, async () => {
      // Without a desired state, which is made in the background, it ends with an error.
      await walk.gantry('agent', 'run', '--once', '--root', directory).catch((error: Error) => {
        walk.saw(error.message);
      });
      const current = await readlink(join(directory, 'current')).catch(() => '');
      return current === `generations/${generation}` ? true : undefined;
    });
  } finally {
    await unmountBelow(directory);
  }
}

/** The innermost mounts end first. */
async function unmountBelow(directory: string): Promise<void> {
  const points = (await readMounts()).map(({ point }) => point);
  for (const point of points.reverse())
    if (point.startsWith(`${directory}/`)) await run('umount', [point]);
}

interface Prepared {
  /** The files of the machine's disk. */
  content: string;
  work: string;
  kernel: Kernel;
}

async function boot(
  { content, work, kernel }: Prepared,
  name: string,
  expected: RegExp,
): Promise<string> {
  const disk = join(work, `${name}.img`);
  await writeDisk(disk, content);
  const place = [`root=UUID=${rootUuid}`, 'rw', 'gantry.dir=/gantry'];
  // A kernel whose PID 1 ends reboots after a second.
  const commandLine = [...place, 'panic=1', 'systemd.journald.forward_to_console=1'];
  return bootUntil({ ...kernel, commandLine, disk, console: join(work, `${name}.log`) }, expected);
}

/** The machine went back after three boots of the new root, each of which ended in a panic. */
function requireReturn(said: string): void {
  const [before = ''] = said.split('generation 2 was booted 3 times and never healthy');
  const panics = before.split('Kernel panic').length - 1;
  expect(before !== said && panics === 3, `three boots of generation 2, found ${panics}`);
}
