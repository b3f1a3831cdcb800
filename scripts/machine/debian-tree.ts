import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../local-cloud.ts';
import { run } from '../run.ts';

export interface DebianTree {
  suite: 'bookworm' | 'trixie';
  /** Packages besides those that `machinePackages` names. */
  packages?: readonly string[];
}

const mirror = 'http://deb.debian.org/debian';

/** A small machine: systemd as PID 1, and what tests look at it with. */
const machinePackages = ['systemd', 'systemd-sysv', 'dbus', 'iproute2', 'procps'];

/**
 * Makes a Debian tree that boots, by mmdebstrap, and keeps it in `.local/trees` for later runs.
 * Callers copy it with `copyTree` and leave it as it is. Needs root and Debian's archive.
 *
 * @returns its path
 */
export async function debianTree({ suite, packages = [] }: DebianTree): Promise<string> {
  const include = [...machinePackages, ...packages].join(',');
  const key = createHash('sha256').update(include).digest('hex').slice(0, 12);
  const folder = join(projectRoot, '.local/trees');
  const kept = join(folder, `${suite}-${key}`);
  if (existsSync(kept)) return kept;

  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, 'making-'));
  try {
    const tree = join(work, 'tree');
    await run('mmdebstrap', ['--variant=minbase', `--include=${include}`, suite, tree, mirror]);
    // The host's name and resolver are in it otherwise.
    for (const name of ['hostname', 'resolv.conf']) await rm(join(tree, 'etc', name));
    // Somebody else may have made it in the meantime: both are the same.
    await rename(tree, kept).catch((error: unknown) => {
      if (!existsSync(kept)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return kept;
}

/** Copies a tree, with the identity of a machine of its own, so that it can be booted. */
export async function copyTree(tree: string, into: string): Promise<void> {
  await run('cp', ['--archive', '--reflink=auto', tree, into]);
  await run('systemd-machine-id-setup', [`--root=${into}`]);
}
