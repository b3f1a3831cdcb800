import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Name parts of files that are not finished; whatever bears one at start-up is what a crash left. */
export const unfinished = '.tmp-';

/** Replaces a file so that a crash leaves the old or the new one whole. */
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

/** Makes renames in a directory survive a loss of power. */
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
 * Writes out everything of the file system that holds `path`. One syncfs(2) for a whole tree: an fsync for each of its
 * files would take minutes. Node cannot call it, coreutils and busybox can.
 */
export async function syncFileSystem(path: string): Promise<void> {
  await run('sync', ['-f', path]);
}

/**
 * Removes a tree of the agent's own, also one whose directories deny their owner what removing needs. By rm(1), which holds
 * directories open as it goes: a service that puts a link in the place of one while Node removes it would have root remove
 * what the link leads to.
 */
export async function removeTree(path: string): Promise<void> {
  if (process.getuid?.() !== 0) await openDirectories(path);
  await run('rm', ['-rf', '--', path]);
}

/** Only where the agent is not root, which needs none of this and could be led astray. */
async function openDirectories(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat?.isDirectory() !== true) return;
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openDirectories(join(path, entry.name));
  }
}

/** Makes a directory that only the agent's user can enter: what lies there has not the modes that it will have in a root. */
export async function makePrivate(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o700);
}

/** The bytes of a file, undefined when there is none. */
export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function errnoOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
