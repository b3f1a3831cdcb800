import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredLayer, DesiredState } from '../../shared/contract/reconcile/index.ts';
import { readClaimedContent } from '../../shared/director/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import { isRefusal } from '../fetch/desired-state.ts';
import { readIfPresent, removeTree } from '../files.ts';
import { recordSuffix } from '../mount/generation-names.ts';
import type { AgentPaths } from '../paths.ts';
import { readStoredIndex } from '../verify/fetch-layer.ts';
import { hexOf, isStored, Store } from '../verify/store.ts';

/**
 * Removes from store and images what none of these desired states needs, and no generation that is
 * still here: a mounted one reads its files from the store, and a return to an earlier one fetches
 * nothing. It is called with the running one and the one before or the wanted one, so a machine's
 * disk holds the content of two generations however long the machine lives.
 */
export async function collectGarbage(paths: AgentPaths, states: DesiredState[]): Promise<void> {
  const needed = [...states, ...(await readGenerationStates(paths))];
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
    folder('indexes'),
    layers.map((layer) => `${hexOf(layer.layer_digest)}.json.gz`),
  );
  await keepOnly(
    folder('signatures'),
    layers.map((layer) => `${hexOf(layer.digest)}.json`),
  );
  await keepOnly(
    folder('documents'),
    layers.flatMap((layer) => [hexOf(layer.digest), hexOf(layer.manifest_digest)]),
  );
  const compositions = needed.map((state) => state.composition_digest);
  await keepOnly(
    folder('generated'),
    compositions.map((digest) => `${hexOf(digest)}.json`),
  );
  await collectObjects(paths.store, layers, compositions);
}

/**
 * The desired states of the generations that are here. A record that was tampered with names no
 * content of its own: such a generation is made again, or loses its files with the next collection.
 */
async function readGenerationStates({ generations }: AgentPaths): Promise<DesiredState[]> {
  const states: DesiredState[] = [];
  for (const name of await readdir(generations)) {
    if (!name.endsWith(recordSuffix)) continue;

    const record = await readIfPresent(join(generations, name));
    try {
      if (record !== undefined) states.push(readClaimedContent(record).custom);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }

  return states;
}

async function collectObjects(
  dir: string,
  layers: DesiredLayer[],
  compositions: string[],
): Promise<void> {
  const needed = await findNeededObjects(new Store(dir), layers, compositions);

  for (const prefix of await readdir(dir)) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue;

    await keepOnly(join(dir, prefix), needed.get(prefix) ?? []);
    if (!needed.has(prefix)) await rmdir(join(dir, prefix));
  }
}

/**
 * First two digits of a verity digest → the remaining digits of each that a layer, or the generated
 * layer of a composition, needs.
 */
async function findNeededObjects(
  store: Store,
  layers: DesiredLayer[],
  compositions: string[],
): Promise<Map<string, string[]>> {
  const needed = new Map<string, string[]>();
  const need = (verity: string) => {
    const names = needed.get(verity.slice(0, 2));
    if (names === undefined) needed.set(verity.slice(0, 2), [verity.slice(2)]);
    else names.push(verity.slice(2));
  };

  for (const layer of new Map(layers.map((one) => [one.layer_digest, one])).values()) {
    for (const { verity } of (await readEntries(store, layer)).filter(isStored))
      need(verity as string);
  }

  for (const digest of compositions) {
    for (const verity of await store.readGenerated(digest)) need(verity);
  }

  return needed;
}

/** The files of a layer, also of one whose fetch was interrupted: the next tick continues it. */
async function readEntries(store: Store, layer: DesiredLayer): Promise<readonly TreeEntry[]> {
  const record = await store.readLayer(layer.layer_digest);
  return record?.entries ?? (await readStoredIndex(layer, store))?.content.entries ?? [];
}

async function keepOnly(folder: string, names: string[]): Promise<void> {
  const kept = new Set(names);
  for (const name of await readdir(folder)) {
    if (!kept.has(name)) await removeTree(join(folder, name));
  }
}
