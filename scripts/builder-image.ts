import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GantryError } from '../shared/base/error.ts';
import { fail } from './fail.ts';
import { run } from './run.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'scripts/module-builder');

/** Programs that build a Containerfile, the first that is found. */
const engines = ['podman', 'docker', 'buildah'] as const;

/**
 * Makes the module-builder image. `--push` pushes it. `--chroot` needs no container engine:
 * it makes the image's system with mmdebstrap, and builds a module in it with the image's mounts.
 */
async function builderImage(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tag: { type: 'string', default: 'module-builder:latest' },
      push: { type: 'boolean', default: false },
      chroot: { type: 'boolean', default: false },
    },
  });

  if (values.chroot) return tryInChroot();

  const engine = await findEngine();
  const show = { onLine: (line: string) => process.stdout.write(`${line}\n`) };
  const file = join(folder, 'Containerfile');
  await run(engine, ['build', '--tag', values.tag, '--file', file, root], show);
  if (values.push) await run(engine, ['push', values.tag], show);
  process.stdout.write(`${values.push ? 'pushed' : 'built'} ${values.tag}\n`);
}

async function findEngine(): Promise<string> {
  for (const engine of engines) {
    const isThere = await run(engine, ['--version']).then(
      () => true,
      () => false,
    );
    if (isThere) return engine;
  }

  const message = `expected ${engines.join(', ')} on the PATH, found none; install one, or try the builder with --chroot`;
  throw new GantryError('prerequisite_missing', message);
}

/** A module with a package and a file, as small as one can be. */
const manifest = `schema_version: 1
name: tried
package_spec: [hostname]
file_spec: ["/etc/tried"]
`;

async function tryInChroot(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-builder-'));
  const work = join(directory, 'work');
  const system = join(directory, 'system');

  try {
    await mkdir(join(work, 'rootfs/etc'), { recursive: true });
    await mkdir(join(work, 'dist'));
    await writeFile(join(work, 'manifest.yaml'), manifest);
    await writeFile(join(work, 'rootfs/etc/tried'), 'yes\n');
    await makeSystem(system);

    for (const args of [['--dry-run'], []]) {
      const output = await buildIn(system, work, args);
      process.stdout.write(`build-module ${args.join(' ')}\n${output}\n`);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function makeSystem(system: string): Promise<void> {
  const packages = (await readFile(join(folder, 'packages.txt'), 'utf8')).trim().split('\n');
  const keyring = '--keyring=/usr/share/keyrings/debian-archive-keyring.gpg';
  const include = `--include=${packages.join(',')}`;
  await run('mmdebstrap', ['--mode=unshare', '--variant=apt', keyring, include, 'trixie', system]);
}

/**
 * Runs the image's entry point with the image's mounts, in a mount namespace that dies with it. The
 * system is mounted on itself, because unshare in it needs a root that is a mount point.
 */
function buildIn(system: string, work: string, args: readonly string[]): Promise<string> {
  const script = `set -eu
mount --bind "$1" "$1"
repository="$1/work"
mkdir -p "$1/opt/gantry" "$repository"
mount --bind "${root}" "$1/opt/gantry" && mount -o remount,bind,ro "$1/opt/gantry"
mount --bind "$2" "$repository" && mount -o remount,bind,ro "$repository"
mount --bind "$2/dist" "$repository/dist"
mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"
cp /etc/resolv.conf "$1/etc/resolv.conf"
ln -sfn /opt/gantry/bin/gantry "$1/usr/local/bin/gantry"
system=$1; shift 2
exec chroot "$system" /opt/gantry/scripts/module-builder/build-module "$@"`;
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child=KILL'];
  return run('unshare', [...namespaces, 'sh', '-c', script, 'sh', system, work, ...args]);
}

await builderImage().catch(fail);
