import { statfs } from 'node:fs/promises';
import { GantryError } from '../shared/base/error.ts';

/** What files take on a disk, or what a disk has free. */
export interface Space {
  bytes: number;
  /** Files and directories. */
  inodes: number;
}

/** File systems give files whole blocks, of this size nearly everywhere. */
const blockBytes = 4096;

/** What files of these sizes take, together. */
export function spaceOf(sizes: readonly number[]): Space {
  const blocks = sizes.reduce((sum, size) => sum + Math.ceil(size / blockBytes), 0);
  return { bytes: blocks * blockBytes, inodes: sizes.length };
}

export function addSpace(a: Space, b: Space): Space {
  return { bytes: a.bytes + b.bytes, inodes: a.inodes + b.inodes };
}

/**
 * Requires that a disk has room, so that nothing is written of what cannot be completed.
 *
 * @param dir A directory on the disk.
 * @param what The subject of the error, e.g. "The content of the desired state".
 * @throws `disk_full`
 */
export async function requireSpace(dir: string, need: Space, what: string): Promise<void> {
  const shortage = findShortage(need, await readFreeSpace(dir));
  if (shortage === undefined) return;

  throw new GantryError(
    'disk_full',
    `${what} does not fit on the disk of ${dir}: ${shortage}. Nothing was written; make room, and the next tick tries again.`,
    { field: dir, expected: need },
  );
}

/** What is missing, as the middle of a sentence; undefined when the need fits. */
export function findShortage(need: Space, free: Space): string | undefined {
  const lacks = (['bytes', 'inodes'] as const)
    .filter((unit) => need[unit] > free[unit])
    .map((unit) => {
      const missing = need[unit] - free[unit];
      return `expected ${need[unit]} free ${unit}, found ${free[unit]}, so ${missing} are missing`;
    });

  return lacks.length === 0 ? undefined : lacks.join('; ');
}

async function readFreeSpace(dir: string): Promise<Space> {
  const { bsize, bfree, bavail, files, ffree } = await statfs(dir);
  // Some file systems, such as btrfs, count no inodes. Some blocks are kept for root.
  return {
    bytes: bsize * (process.geteuid?.() === 0 ? bfree : bavail),
    inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree,
  };
}
