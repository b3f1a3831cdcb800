import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { type MountOptions, mountGeneration } from '../mount/generation-mounts.ts';
import { generationPath, isMountable } from '../mount/generation-names.ts';
import {
  bindTree,
  detachTree,
  makeReadOnly,
  stopSpreading,
  unmount,
} from '../mount/mount-commands.ts';
import { isAtOrBelow, mountFoundError, readMounts, realName } from '../mounts.ts';
import { dataMountPoint } from '../verify/expected-tree.ts';

/** Where systemd finds the root that it switches to (systemd-soft-reboot.service(8)). */
export const nextRoot = '/run/nextroot';

/**
 * Shows a generation where the next soft-reboot finds it, with the agent's directory in it at the
 * path that it has now: mounts that are not in the next root are lost with the switch.
 *
 * @throws `invalid_request` when the generation cannot boot; `mount_found` when `/run/nextroot` is
 * somebody else's
 */
export async function prepareNextRoot(options: MountOptions): Promise<void> {
  const { paths, number } = options;
  const generation = await realName(generationPath(paths, number));
  if (isMountable(paths, number)) await mountGeneration(options);
  requireBootable(generation);

  await clearNextRoot();
  mkdirSync(nextRoot, { recursive: true });
  await bindTree(generation, nextRoot);
  try {
    if (isMountable(paths, number)) {
      await bindTree(paths.dir, nextRoot + paths.dir);
    } else {
      await makeReadOnly(nextRoot);
      const data = nextRoot + dataMountPoint;
      await bindTree(paths.machineData, data);
      await bindTree(paths.dir, data + paths.dir);
    }
    // A soft-reboot unmounts all of the old root first.
    await detachTree(nextRoot);
  } catch (error) {
    await clearNextRoot();
    throw error;
  }
}

function requireBootable(generation: string): void {
  const needed = ['usr/lib/systemd/systemd', 'usr/lib/os-release'];
  const missing = needed.find((path) => !existsSync(join(generation, path)));
  if (missing === undefined) return;

  throw new GantryError(
    'invalid_request',
    `${generation} cannot boot: expected /${missing} in it, found none. Assign a module that ships systemd.`,
    { field: `/${missing}` },
  );
}

/** Unmounts what an earlier attempt left, which is the agent's: it begins with a generation. */
async function clearNextRoot(): Promise<void> {
  const mounts = (await readMounts()).filter(({ point }) => isAtOrBelow(point, nextRoot));
  const [first] = mounts;
  if (first === undefined) return;

  const isOwn = first.source.startsWith('gantry-') || /\/generations\/\d+$/.test(first.root);
  if (first.point !== nextRoot || !isOwn) throw mountFoundError(nextRoot, first.point);

  for (const { point } of mounts) await stopSpreading(point);
  for (const { point } of mounts.reverse()) await unmount(point);
}
