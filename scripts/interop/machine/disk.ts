import { execFile } from 'node:child_process';
import { truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { run } from '../../run.ts';

/** The UUID of the partition's file system, for `root=` of the kernel's command line. */
export const rootUuid = '67616e74-7279-4000-8000-6d616368696e';

const diskMiB = 4096;
/** Partitions begin and end at whole mebibytes. */
const startMiB = 1;
const endMiB = 1;

/**
 * Writes the image of a disk. Its only partition has an ext4 file system with the content of a
 * directory. Nothing is mounted for it, and what is empty takes no room.
 */
export async function writeDisk(image: string, content: string): Promise<void> {
  await writeFile(image, '');
  await truncate(image, diskMiB * 2 ** 20);
  await partition(image);

  const fileSystem = ['-q', '-F', '-t', 'ext4', '-U', rootUuid, '-d', content];
  const place = ['-E', `offset=${startMiB * 2 ** 20}`, image, `${diskMiB - startMiB - endMiB}M`];
  await run('mke2fs', [...fileSystem, ...place]);
}

/** sfdisk reads what it makes from its standard input. */
async function partition(image: string): Promise<void> {
  const sfdisk = promisify(execFile)('sfdisk', ['--quiet', image]);
  sfdisk.child.stdin?.end(`label: gpt\nstart=${startMiB}MiB, type=linux\n`);
  await sfdisk;
}
