import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from './failure.ts';

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
 * Removes one of the agent's own trees, including directories that deny their owner the right to
 * remove from them. It uses rm(1), which holds directories open: with Node's own removal, a service
 * that replaces a directory by a link at the right moment would make root remove the target of the
 * link.
 */
export async function removeTree(path: string): Promise<void> {
  if (process.getuid?.() !== 0) await openDirectories(path);
  await run('rm', ['-rf', '--', path]);
}

/**
 * Only for an agent that is not root. Root needs no permission, and might follow a link out of the
 * tree.
 */
async function openDirectories(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat?.isDirectory() !== true) return;

  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openDirectories(join(path, entry.name));
  }
}

/**
 * Makes a directory that only the agent's user can enter, because files in it lack the modes that
 * they get in a root.
 */
export async function makePrivate(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o700);
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
