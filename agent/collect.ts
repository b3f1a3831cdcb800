import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredState } from '../shared/contract/reconcile/index.ts';
import { isStored } from './layer.ts';
import type { AgentPaths } from './paths.ts';
import { hexOf, Store } from './store.ts';

/**
 * Removes from store and images what none of these desired states needs. Called after a switch with the running state and
 * the one before it, so a machine's disk holds two generations' content however long it lives.
 */
export async function collectGarbage(paths: AgentPaths, kept: DesiredState[]): Promise<void> {
  const layers = kept.flatMap((state) => state.layers);
  const folder = (name: string) => join(paths.store, name);
  await keepOnly(
    paths.images,
    new Set(kept.map((state) => `${hexOf(state.composition_digest)}.erofs`)),
  );
  await keepOnly(
    folder('layers'),
    new Set(layers.map((layer) => `${hexOf(layer.layer_digest)}.json`)),
  );
  await keepOnly(folder('evidence'), new Set(layers.map((layer) => `${hexOf(layer.digest)}.json`)));
  await keepOnly(
    folder('documents'),
    new Set(layers.flatMap((layer) => [hexOf(layer.digest), hexOf(layer.manifest_digest)])),
  );
  await collectObjects(paths.store, new Set(layers.map((layer) => layer.layer_digest)));
}

async function collectObjects(dir: string, layers: Set<string>): Promise<void> {
  const store = new Store(dir);
  /** First two digits of a verity digest → the rest of each that is needed. */
  const needed = new Map<string, Set<string>>();
  for (const digest of layers) {
    for (const entry of (await store.readLayer(digest))?.entries ?? []) {
      if (!isStored(entry)) continue;
      const verity = entry.verity as string;
      const rest = needed.get(verity.slice(0, 2));
      if (rest === undefined) needed.set(verity.slice(0, 2), new Set([verity.slice(2)]));
      else rest.add(verity.slice(2));
    }
  }
  for (const prefix of await readdir(dir)) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue;
    await keepOnly(join(dir, prefix), needed.get(prefix) ?? new Set());
    if (needed.has(prefix)) continue;
    await rmdir(join(dir, prefix));
  }
}

async function keepOnly(folder: string, names: Set<string>): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!names.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
