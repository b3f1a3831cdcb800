import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredState } from '../../shared/contract/reconcile/index.ts';
import { removeTree } from '../files.ts';
import type { AgentPaths } from '../paths.ts';
import { isStored } from '../verify/layer.ts';
import { hexOf, Store } from '../verify/store.ts';

/**
 * Removes from store and images what none of these desired states needs. It is called with the
 * running one and the one before or the wanted one, so a machine's disk holds the content of two
 * generations however long the machine lives.
 */
export async function collectGarbage(paths: AgentPaths, needed: DesiredState[]): Promise<void> {
  const layers = needed.flatMap((state) => state.layers);
  const folder = (name: string) => join(paths.store, name);

  await keepOnly(
    paths.images,
    needed.map((state) => `${hexOf(state.composition_digest)}.erofs`),
  );
  await keepOnly(
    folder('layers'),
    layers.map((layer) => `${hexOf(layer.layer_digest)}.json`),
  );
  await keepOnly(
    folder('signatures'),
    layers.map((layer) => `${hexOf(layer.digest)}.json`),
  );
  await keepOnly(
    folder('documents'),
    layers.flatMap((layer) => [hexOf(layer.digest), hexOf(layer.manifest_digest)]),
  );
  await collectObjects(
    paths.store,
    layers.map((layer) => layer.layer_digest),
  );
}

async function collectObjects(dir: string, layers: string[]): Promise<void> {
  const needed = await findNeededObjects(new Store(dir), layers);

  for (const prefix of await readdir(dir)) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue;

    await keepOnly(join(dir, prefix), needed.get(prefix) ?? []);
    if (!needed.has(prefix)) await rmdir(join(dir, prefix));
  }
}

/** First two digits of a verity digest → the remaining digits of each that a layer needs. */
async function findNeededObjects(store: Store, layers: string[]): Promise<Map<string, string[]>> {
  const needed = new Map<string, string[]>();

  for (const digest of new Set(layers)) {
    const entries = (await store.readLayer(digest))?.entries ?? [];
    for (const entry of entries.filter(isStored)) {
      const verity = entry.verity as string;
      const names = needed.get(verity.slice(0, 2));
      if (names === undefined) needed.set(verity.slice(0, 2), [verity.slice(2)]);
      else names.push(verity.slice(2));
    }
  }

  return needed;
}

async function keepOnly(folder: string, names: string[]): Promise<void> {
  const kept = new Set(names);
  for (const name of await readdir(folder)) {
    if (!kept.has(name)) await removeTree(join(folder, name));
  }
}
