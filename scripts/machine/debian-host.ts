import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Walk } from '../walk/context.ts';
import { copyTree, debianTree } from './debian-tree.ts';
import { agentDirectory, type Host, joinToken } from './host.ts';
import { Machine } from './nspawn.ts';

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
  const enroll = ['agent', 'enroll', '--token', token, '--root', agentDirectory];
  await machine.run('gantry', ...enroll, '--way', 'services');
  return {
    walk,
    machine,
    instance: name,
    redis: 'gantry-my-redis:redis-server.service',
    other: 'gantry-beacon:beacon.service',
  };
}
