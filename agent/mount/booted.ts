import { basename } from 'node:path';
import { locateMounted, type Mount, readMounts, realName } from '../mounts.ts';
import type { AgentPaths } from '../paths.ts';
import { generationPath, isMountable, numberOf, sourceName } from './generation-names.ts';

/**
 * The generation that PID 1 has as its root; undefined where it has another root, as
 * while an installer prepares a machine.
 */
export async function bootedGeneration(paths: AgentPaths): Promise<number | undefined> {
  // The agent has the root of PID 1.
  const table = await readMounts();
  const root = table.filter(({ point }) => point === '/').at(-1);
  if (root === undefined) return undefined;

  const mounted = numberOf(/^gantry-(\d+)-\d+$/.exec(root.source)?.[1] ?? '');
  if (mounted !== undefined) {
    const isHere = isMountable(paths, mounted) && sourceName(paths, mounted) === root.source;
    return isHere ? mounted : undefined;
  }

  const copied = numberOf(basename(root.root));
  return copied !== undefined && (await isCopy(paths, copied, { root, table }))
    ? copied
    : undefined;
}

async function isCopy(
  paths: AgentPaths,
  number: number,
  { root, table }: { root: Mount; table: Mount[] },
): Promise<boolean> {
  const place = locateMounted(table, await realName(generationPath(paths, number)));
  return place.device === root.device && place.root === root.root;
}
