import { watch } from 'node:fs';
import { readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GantryError, isGantryError } from '../shared/base/error.ts';
import { limits } from '../shared/base/limits/index.ts';
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

/**
 * As `takeLock`, for a command at the machine: it waits for a tick that is under way, and asks an
 * agent that stays resident to let it work between two ticks.
 *
 * @throws `conflict` when the tick takes too long
 */
export async function awaitLock(path: string): Promise<() => Promise<void>> {
  const deadline = Date.now() + limits.agentLockWaitMs;
  const name = await identify(process.pid);

  try {
    for (;;) {
      try {
        return await takeLock(path);
      } catch (error) {
        if (!isGantryError(error, 'conflict') || Date.now() > deadline) throw error;
      }

      // A request of another process stays; this one follows when it is gone.
      if (!(await isLockWanted(path))) await tryLink(name, requestPath(path));
      await sleep(limits.agentLockPollMs);
    }
  } finally {
    if ((await readHolder(requestPath(path))) === name) await removeTree(requestPath(path));
  }
}

/** Whether a process that runs waits for the lock. The request of one that has ended is removed. */
export async function isLockWanted(path: string): Promise<boolean> {
  const request = requestPath(path);
  const name = await readHolder(request);
  if (name === undefined) return false;
  if ((await identify(Number(name.split(' ')[0]))) === name) return true;

  await removeStale(request, name);
  return false;
}

/** Waits until the time has passed, the signal aborts, or another process wants the lock. */
export async function pause(path: string, ms: number, signal: AbortSignal): Promise<void> {
  const end = new AbortController();
  const stopWatching = watchRequests(path, () => end.abort());

  try {
    if (await isLockWanted(path)) return;
    await sleep(ms, undefined, { signal: AbortSignal.any([signal, end.signal]) });
  } catch {
    // It ends early.
  } finally {
    stopWatching();
  }
}

/** Where the kernel has no watches left, a request waits for the next tick. */
function watchRequests(path: string, onRequest: () => void): () => void {
  const request = basename(requestPath(path));
  try {
    const watcher = watch(dirname(path), (_, name) => {
      if (name === request) onRequest();
    });
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
}

/**
 * Takes the lock again once those who wanted it have had it.
 *
 * @returns undefined when the signal aborts
 */
export async function retakeLock(
  path: string,
  signal: AbortSignal,
): Promise<(() => Promise<void>) | undefined> {
  for (; !signal.aborted; await sleep(limits.agentLockPollMs)) {
    if (await isLockWanted(path)) continue;
    try {
      return await takeLock(path);
    } catch (error) {
      if (!isGantryError(error, 'conflict')) throw error;
    }
  }

  return undefined;
}

function requestPath(path: string): string {
  return `${path}.wanted`;
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
