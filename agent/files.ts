import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from './failure.ts';
import { requireNoMounts } from './mounts.ts';

/**
 * Marks the names of unfinished files. A file with such a name at start-up is left over from a
 * crash.
 */
export const unfinished = '.tmp-';

/** Replaces a file. After a crash either the complete old file or the complete new file exists. */
export async function writeAtomic(
  path: string,
  data: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  const temporary = `${dirname(path)}/${unfinished}${randomBytes(8).toString('hex')}`;

  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }

    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }

  await syncDirectory(dirname(path));
}

/**
 * Overwrites a file in place, which needs no free block. Use it for a few bytes that must be saved
 * although the disk is full. A crash may leave them half written, so `writeAtomic` comes first.
 */
export async function overwrite(path: string, data: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { bytesWritten } = await file.write(data, 0);
    await file.truncate(bytesWritten);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the renames in a directory survive a loss of power. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const run = promisify(execFile);

/**
 * Writes everything of the file system that holds `path` to the disk, by one syncfs(2): an fsync of
 * each file of a tree takes minutes. Node cannot call it; coreutils and busybox can.
 */
export async function syncFileSystem(path: string): Promise<void> {
  await run('sync', ['-f', path]);
}

/**
 * Removes a file, a link or one of the agent's own trees. It never leaves the file system that the
 * tree is on: a tree with a mount in it stays. rm(1) holds directories open and so follows no link
 * that a service puts in the place of one. It can also remove trees of any depth.
 *
 * @throws `mount_found` when something is mounted at the path or below it.
 */
export async function removeTree(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat?.isDirectory() !== true) return rm(path, { force: true });

  await requireNoMounts(path);
  // Root needs no permission to remove.
  if (process.getuid?.() !== 0) await run('chmod', ['-R', 'u+rwx', '--', path]);
  await run('rm', ['-rf', '--one-file-system', '--', path]);
}

/**
 * Makes a directory that only the agent's user can enter, because files in it lack the modes that
 * they get in a root.
 */
export async function makePrivate(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  // A change without an effect would look like a change of the directory.
  const { mode } = await stat(path);
  if ((mode & 0o7777) !== 0o700) await chmod(path, 0o700);
}

/** The bytes of a file; undefined when it does not exist. */
export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
