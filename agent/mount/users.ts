import { readdir, readlink } from 'node:fs/promises';
import { isAtOrBelow, locateMounted, type Mount, readMounts, realName } from '../mounts.ts';
import type { AgentPaths } from '../paths.ts';
import { generationPath, isMountable, sourceName } from './generation-names.ts';

/**
 * Whether a process has a generation, or a part of it, as its root: a service that an update did
 * not restart, or a container. Such a root opens files of the store later, so both stay.
 *
 * A service of systemd has a mount table of its own, in which the generation is not at its usual
 * place. Processes that this one may not look at do not count.
 */
export async function isInUse(paths: AgentPaths, number: number): Promise<boolean> {
  const root = await realName(generationPath(paths, number));
  const source = isMountable(paths, number) ? sourceName(paths, number) : undefined;
  const shows = makeMatch(root, await readMounts(), source);
  const seen = new Set<string>();

  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;

    const view = await readView(name);
    if (view === undefined) continue;
    if (isAtOrBelow(view.root, root)) return true;

    const key = `${view.namespace} ${view.root}`;
    if (seen.has(key)) continue;
    seen.add(key);
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

/** The mount namespace and the root of a process; undefined when it has ended or is not ours. */
async function readView(pid: string): Promise<{ namespace: string; root: string } | undefined> {
  try {
    const [namespace, root] = await Promise.all([
      readlink(`/proc/${pid}/ns/mnt`),
      readlink(`/proc/${pid}/root`),
    ]);
    return { namespace, root };
  } catch {
    return undefined;
  }
}
