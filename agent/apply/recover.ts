import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent } from '../agent.ts';
import { makePrivate, removeTree, unfinished } from '../files.ts';
import { mountGeneration } from '../mount/generation-mounts.ts';
import { currentGeneration } from './generation.ts';
import { prepareFirstBoot } from './machine-identity.ts';
import { moveMachineData } from './move-machine-data.ts';

/**
 * Makes the agent's folders, removes what a crash left unfinished in them, mounts the running
 * generation if a reboot ended its mounts, and moves the machine's data out of the generation of an
 * earlier agent.
 */
export async function recoverDirectory({ paths, store, config }: Agent): Promise<void> {
  await mkdir(paths.generations, { recursive: true });
  const made = await mkdir(paths.machineData, { recursive: true });
  // Services that are not root pass through it, whatever the agent's umask is.
  if (made !== undefined) await chmod(paths.machineData, 0o755);
  for (const folder of [paths.store, paths.images]) await makePrivate(folder);
  await store.prepare();
  if (config.way === 'root') await prepareFirstBoot(paths);

  for (const folder of [paths.dir, paths.agent, paths.images]) {
    for (const name of await readdir(folder)) {
      if (name.startsWith(unfinished)) await removeTree(join(folder, name));
    }
  }

  const running = await currentGeneration(paths);
  if (running === undefined) return;

  const { number } = running;
  const writablePaths = config.writable_paths;
  if (running.layout === 'mount') await mountGeneration({ paths, number, writablePaths });
  else await moveMachineData(paths, running, writablePaths);
}
