import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { GantryError } from '../shared/base/error.ts';
import { errnoOf, unfinished } from './files.ts';

/** Directories locked by this process, whose own pid says nothing. */
const held = new Set<string>();

/**
 * Makes this process the only agent of a directory; answers the release. The lock names its holder by pid, boot and start
 * time, so one left by a process that is gone (also across a reboot) is taken over. Fails with `conflict`.
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  if (held.has(path)) throw inUse(path, String(process.pid));
  held.add(path);
  try {
    const mine = await identity(process.pid);
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
    // A hard link either appears with its content or not at all.
    if (await linked(temporary, path)) return;
    const holder = await readFile(path, 'utf8').catch(() => undefined);
    if (holder === undefined) continue;
    const pid = Number(holder.split(' ')[0]);
    if (pid !== process.pid && (await identity(pid)) === holder) throw inUse(path, String(pid));
    await removeStale(path, holder, temporary);
  }
  throw inUse(path, 'another process');
}

/** Moves the stale lock away; should another agent have replaced it in the meantime, that one is put back. */
async function removeStale(path: string, stale: string, temporary: string): Promise<void> {
  const aside = `${temporary}.stale`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== stale) await linked(aside, path);
  await rm(aside, { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** `<pid> <boot id> <start time>`: a pid alone is reused. A process that is gone has no start time. */
async function identity(pid: number): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field, the command, may hold spaces and parentheses (proc_pid_stat(5)); the start time is field 22.
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return `${pid} ${boot.trim()} ${started ?? 'gone'}`;
}

function inUse(path: string, holder: string): GantryError {
  return new GantryError(
    'conflict',
    `Another agent (process ${holder}) works in this directory; ${path} is its lock.`,
    {
      found: holder,
    },
  );
}
