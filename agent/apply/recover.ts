import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent } from '../agent.ts';
import { makePrivate, removeTree, unfinished } from '../files.ts';

/** Makes the agent's folders, and removes what a crash left unfinished in them. */
export async function recoverDirectory({ paths, store }: Agent): Promise<void> {
  await mkdir(paths.generations, { recursive: true });
  for (const folder of [paths.store, paths.images]) await makePrivate(folder);
  await store.prepare();

  for (const folder of [paths.dir, paths.agent, paths.images]) {
    for (const name of await readdir(folder)) {
      if (name.startsWith(unfinished)) await removeTree(join(folder, name));
    }
  }
}
