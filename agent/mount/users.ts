import { readdir, readlink } from 'node:fs/promises';
import { errnoOf } from '../failure.ts';
import { isAtOrBelow, locateMounted, type Mount, readMounts, realName } from '../mounts.ts';
import type { AgentPaths } from '../paths.ts';
import { generationPath, isMountable, sourceName } from './generation-names.ts';

const isRoot = process.getuid?.() === 0;

/**
 * Whether a process has a generation, or a part of it, as its root: a service that an update did
 * not restart, or a container. Such a root opens files of the store later, so both stay.
 *
 * A service of systemd has a mount table of its own, in which the generation is not at its usual
 * place. An agent that is not root makes no mounts, and may not look at most processes.
 */
export async function isInUse(paths: AgentPaths, number: number): Promise<boolean> {
  const root = await realName(generationPath(paths, number));
  const source = isMountable(paths, number) ? sourceName(paths, number) : undefined;
  const shows = makeMatch(root, await readMounts(), source);
  const seen = new Set<string>();

  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;

    const view = await readView(name);
    if (view === 'denied') return true;
    if (view === undefined || seen.has(view.key)) continue;
    if (isAtOrBelow(view.root, root)) return true;

    seen.add(view.key);
    if ((await readMounts(name).catch(() => [])).some(shows)) return true;
  }

  return false;
}

/** Whether a mount shows the generation elsewhere than at its path. */
function makeMatch(root: string, table: Mount[], source: string | undefined) {
  const { device, root: shown } = locateMounted(table, root);

  return (mount: Mount): boolean => {
    if (mount.point === root) return false;
    if (source !== undefined) return mount.source === source;
    return mount.device === device && isAtOrBelow(mount.root, shown);
  };
}

interface View {
  root: string;
  /** Equal for processes that see the same mounts. */
  key: string;
}

/**
 * What a process sees; undefined when it has ended. Without CAP_SYS_PTRACE even root may not look
 * at all processes, and one of which nothing is known could use anything. The agent has the root of
 * PID 1 itself.
 */
async function readView(pid: string): Promise<View | 'denied' | undefined> {
  try {
    const root = await readlink(`/proc/${pid}/root`);
    return { root, key: `${await readlink(`/proc/${pid}/ns/mnt`)} ${root}` };
  } catch (error) {
    return isRoot && pid !== '1' && errnoOf(error) === 'EACCES' ? 'denied' : undefined;
  }
}
