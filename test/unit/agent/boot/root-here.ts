import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DebianTree } from '../../../../scripts/machine/debian-tree.ts';
import { debianTree, Machine } from '../../../support/nspawn.ts';
import { missing } from '../../../support/requirements.ts';
import type { Content } from '../machine-content.ts';
import { type Module, World } from '../world.ts';

/** What a test needs to boot a machine from its composition. */
export const here = ['root', 'mmdebstrap', 'systemd-nspawn'] as const;
export const isPossible = here.every((one) => missing(one) === undefined);

const checkout = resolve(import.meta.dirname, '../../../..');
/** In the agent's directory, which each root shows. */
const source = '/var/lib/gantry/source';

/** A machine's directory, enrolled in the way `root`, before its first boot. */
export interface Prepared {
  world: World;
  work: string;
  /** A module with the Debian system. */
  base: Module;
}

export async function prepareMachine(
  suite: DebianTree['suite'],
  layout: 'auto' | 'copy' = 'auto',
): Promise<Prepared> {
  const work = await mkdtemp(join(tmpdir(), 'gantry-root-'));
  const world = await World.start();
  // On a disk: a container has no loop device, which an image on a tmpfs would need.
  await rm(world.dir, { recursive: true });
  world.dir = join(work, 'gantry');
  await mkdir(world.dir);
  await world.enroll({ way: 'root', layout });

  const files = filesOf(await debianTree({ suite }));
  return { world, work, base: await world.module({ name: 'base', files }) };
}

export async function removeMachine({ world, work }: Prepared): Promise<void> {
  unmountRoot(work);
  await world.stop();
  await rm(work, { recursive: true, force: true });
}

/** As the initramfs does, with systemd-nspawn in place of a kernel. */
export async function bootMachine({ world, work }: Prepared): Promise<Machine> {
  const root = join(work, 'root');
  await mkdir(root, { recursive: true });
  unmountRoot(work);
  await world.unmountAll();
  // Read-only: whatever removes the directory removes nothing of the checkout.
  const shown = join(world.dir, 'source');
  await mkdir(shown, { recursive: true });
  execFileSync('mount', ['-o', 'bind,ro', checkout, shown]);
  execFileSync(join(checkout, 'packaging/initramfs/gantry-mount-root'), [world.dir, root]);
  return Machine.boot({
    name: `gantry-root-${process.pid}`,
    root,
    console: join(work, 'console'),
    args: ['--timezone=off', '--resolv-conf=off', '--link-journal=no'],
  });
}

/** Runs the agent of the checkout in the machine, and returns what it prints as JSON. */
export function runAgent(machine: Machine, ...args: string[]): Promise<string> {
  const node = join(source, 'node_modules/.bin/node');
  const root = ['--root', '/var/lib/gantry'];
  const gantry = join(source, 'cli/main.ts');
  return machine.run(node, gantry, 'agent', ...args, ...root, '--json');
}

/** Publishes a root whose page says its version. */
export async function publishPage({ world, base }: Prepared, version: number): Promise<void> {
  const page = await world.module({ name: 'page', files: { '/srv/page': `version ${version}` } });
  await world.publish({ modules: [base, page], version });
}

function unmountRoot(work: string): void {
  spawnSync('umount', ['--recursive', '--lazy', join(work, 'root')]);
}

const emptied =
  /^\/(dev|proc|run|sys|tmp|var\/(cache|lib\/(apt|dpkg))|usr\/share\/(doc|locale|man|i18n|zoneinfo|perl)|usr\/lib\/x86_64-linux-gnu\/(gconv|perl.*))$/;

/** The files of a tree, without what a machine needs not in order to boot. */
function filesOf(tree: string): Record<string, Content> {
  const files: Record<string, Content> = {};
  const visit = (path: string) => {
    for (const name of readdirSync(tree + path)) {
      const each = `${path}/${name}`;
      if (emptied.test(each)) files[`${each}/`] = '';
      else visitOne(each);
    }
    if (path !== '') files[`${path}/`] = '';
  };
  const visitOne = (path: string) => {
    const stat = lstatSync(tree + path);
    if (stat.isDirectory()) visit(path);
    else if (stat.isSymbolicLink()) files[path] = { target: readlinkSync(tree + path) };
    else if (stat.isFile()) {
      files[path] = { mode: stat.mode & 0o7777, content: readFileSync(tree + path) };
    }
  };

  visit('');
  return files;
}
