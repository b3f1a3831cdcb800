import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { GantryError } from '../shared/base/error.ts';
import { errnoOf } from './failure.ts';
import { unfinished } from './files.ts';

/** Locks of this process: its own pid in a lock file would not tell a second agent in it from the first. */
const held = new Set<string>();

/**
 * Makes this process the only agent of a directory, and returns a function that releases the lock. The lock names its
 * holder by pid, boot and start time, so the lock of a process that has ended (also before a reboot) is taken over.
 *
 * @throws `conflict` when another agent holds the lock.
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  if (held.has(path)) throw lockHeldError(path, String(process.pid));
  held.add(path);

  try {
    const mine = await identify(process.pid);
    const temporary = `${path}${unfinished}${process.pid}`;
    await writeFile(temporary, mine);
    try {
      await acquire(path, temporary);
    } finally {
      await rm(temporary, { force: true });
    }
  } catch (error) {
    held.delete(path);
    throw error;
  }

  return async () => {
    await rm(path, { force: true });
    held.delete(path);
  };
}

async function acquire(path: string, temporary: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    // A hard link appears with its whole content or not at all.
    if (await tryLink(temporary, path)) return;
    const holder = await readFile(path, 'utf8').catch(() => undefined);
    if (holder === undefined) continue;

    const pid = Number(holder.split(' ')[0]);
    if (pid !== process.pid && (await identify(pid)) === holder)
      throw lockHeldError(path, String(pid));
    await removeStale(path, holder, temporary);
  }
  throw lockHeldError(path, 'another process');
}

/** Moves a stale lock away. If another agent replaced it in the meantime, the new lock is put back. */
async function removeStale(path: string, stale: string, temporary: string): Promise<void> {
  const aside = `${temporary}.stale`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }

  if ((await readFile(aside, 'utf8')) !== stale) await tryLink(aside, path);
  await rm(aside, { force: true });
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** `<pid> <boot id> <start time>`, since the system reuses pids. A process that has ended has no start time. */
async function identify(pid: number): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field, the command, may hold spaces and parentheses (proc_pid_stat(5)); the start time is field 22.
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
