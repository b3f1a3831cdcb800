import { join, resolve } from 'node:path';
import { copyTree, debianTree, Machine } from '../../../support/nspawn.ts';
import { missing } from '../../../support/requirements.ts';

/** What a test needs to boot a machine. */
export const toBoot = ['root', 'mmdebstrap', 'systemd-nspawn'] as const;
export const canBoot = toBoot.every((one) => missing(one) === undefined);

const checkout = resolve(import.meta.dirname, '../../../..');

/** Makes the tree of a Debian machine below `work`. */
export async function makeMachineTree(work: string): Promise<void> {
  const tree = await debianTree({ suite: 'trixie', packages: ['libnss-systemd'] });
  await copyTree(tree, join(work, 'root'));
}

/** Boots the tree below `work`, with the checkout at /gantry and this Node. */
export function bootMachine(name: string, work: string, args: string[] = []): Promise<Machine> {
  return Machine.boot({
    name: `${name}-${process.pid}`,
    root: join(work, 'root'),
    console: join(work, 'console'),
    args: [
      ...[`--bind-ro=${checkout}:/gantry`, `--bind-ro=${process.execPath}:/usr/bin/node`],
      ...args,
    ],
  });
}
