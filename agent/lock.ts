import { readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GantryError } from '../shared/base/error.ts';
import { errnoOf } from './failure.ts';
import { removeTree, unfinished } from './files.ts';

/**
 * Locks of this process: its own pid in a lock would not tell a second agent in it from the first.
 */
const held = new Set<string>();

/**
 * Makes this process the only agent of a directory, and returns a function that releases the lock.
 * The lock names its holder by pid, boot and start time, so the lock of a process that has ended
 * (also before a reboot) is taken over.
 *
 * The lock is a symlink whose target is that name: it appears with its content or not at all, and
 * needs no free block, so an agent can start, and report, on a full disk.
 *
 * @throws `conflict` when another agent holds the lock.
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  if (held.has(path)) throw lockHeldError(path, String(process.pid));

  held.add(path);

  try {
    await acquire(path, await identify(process.pid));
  } catch (error) {
    held.delete(path);
    throw error;
  }

  return async () => {
    await rm(path, { force: true });
    held.delete(path);
  };
}

async function acquire(path: string, name: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await tryLink(name, path)) return;

    const holder = await readHolder(path);
    // The lock was released in the meantime, so nothing is stale.
    if (holder === undefined) continue;

    const pid = Number(holder.split(' ')[0]);
    if (pid !== process.pid && (await identify(pid)) === holder) {
      throw lockHeldError(path, String(pid));
    }

    await removeStale(path, holder);
  }
  throw lockHeldError(path, 'another process');
}

/**
 * The name in a lock; undefined when there is none. An earlier agent wrote it into a file. Any
 * other error is thrown: a lock that cannot be read is not stale.
 */
async function readHolder(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === 'EINVAL') return (await readFile(path, 'utf8')).trim();
    throw error;
  }
}

/**
 * Moves a stale lock away. If another agent replaced it in the meantime, the new lock is put back.
 */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = join(dirname(path), `${unfinished}lock-${process.pid}`);
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }

  const moved = await readHolder(aside);
  if (moved !== undefined && moved !== stale) await tryLink(moved, path);
  await removeTree(aside);
}

async function tryLink(target: string, path: string): Promise<boolean> {
  try {
    await symlink(target, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * `<pid> <boot id> <start time>`, since the system reuses pids. A process that has ended has no
 * start time.
 */
async function identify(pid: number): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field, the command, may hold spaces and parentheses (proc_pid_stat(5)); the start
  // time is field 22.
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return `${pid} ${boot.trim()} ${started ?? 'gone'}`;
}

function lockHeldError(path: string, holder: string): GantryError {
  return new GantryError(
    'conflict',
    `Another agent (process ${holder}) works in this directory; ${path} is its lock.`,
    { found: holder },
  );
}
