import { GantryError, isGantryError } from '../../shared/base/error.ts';
import { composefsImage } from '../../shared/composefs/index.ts';
import type { DesiredLayer } from '../../shared/contract/reconcile/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import type { ModuleManifest } from '../../shared/domain/modules/index.ts';
import { parseManifestJson } from '../../shared/manifest/index.ts';
import type { Agent } from '../agent.ts';
import { makeBreather } from './content-check.ts';
import type { Remark } from './remark.ts';
import { isStored, type LayerRecord } from './store.ts';

export interface VerifiedLayer {
  entries: TreeEntry[];
  file_spec: string[];
  mask: string[];
  protected_spec: string[];
  manifest: ModuleManifest;
}

/**
 * A layer of the store, verified by its composefs digest (entries, attributes, small files) and the
 * fs-verity digest of each object: its SHA-256 over all bytes was right when it was fetched. What
 * is wrong is removed and added to `remarks`. Undefined when the layer must be fetched.
 */
export async function readStoredLayer(
  layer: DesiredLayer,
  agent: Agent,
  remarks: Remark[],
): Promise<LayerRecord | undefined> {
  const record = await agent.store.readLayer(layer.layer_digest);
  if (record === undefined) return undefined;

  const fault = findRecordFault(layer, record) ?? (await findContentFault(record.entries, agent));
  if (fault === undefined) return record;

  remarks.push({
    code: 'store_tampered',
    message: `The store of ${layer.account}/${layer.module} ${layer.version} is not as it was verified: ${fault}; fetched again.`,
  });
  await agent.store.removeLayer(layer.layer_digest);

  return undefined;
}

function findRecordFault(layer: DesiredLayer, record: LayerRecord): string | undefined {
  const where = `store/layers/${layer.layer_digest.slice('sha256:'.length)}.json`;
  try {
    const found = `sha256:${composefsImage(record.entries).digest}`;
    const isRight = record.layer_digest === layer.layer_digest && found === layer.composefs_digest;
    return isRight
      ? undefined
      : `${where} gives the composefs digest ${found}, expected ${layer.composefs_digest}`;
  } catch (error) {
    if (isGantryError(error)) return `${where}: ${error.message}`;
    throw error;
  }
}

/** Removes every object that is not right, and returns what is wrong with the first. */
async function findContentFault(
  entries: TreeEntry[],
  { store, check }: Agent,
): Promise<string | undefined> {
  const breathe = makeBreather();
  let fault: string | undefined;

  for (const entry of entries) {
    if (!isStored(entry)) continue;

    await breathe();

    const verity = entry.verity as string;
    const state = store.checkObject(verity, entry.size, check);
    if (state === 'right') continue;

    const what = state === 'missing' ? 'is missing' : 'has other content';
    fault ??= `store/${verity.slice(0, 2)}/${verity.slice(2)} (${entry.path}) ${what}`;
    await store.removeObject(verity);
  }

  return fault;
}

/** The layer with the fields of its own manifest, which decide how it is composed. */
export function describeLayer(
  layer: DesiredLayer,
  { manifest_json, entries }: LayerRecord,
): VerifiedLayer {
  const manifest = parseManifestJson(manifest_json);
  const { name, file_spec, mask, protected_spec } = manifest;
  if (name !== layer.module) {
    throw mismatchError(
      layer,
      `expected a manifest.json of "${layer.module}", found one of "${name}"`,
    );
  }

  return { entries, file_spec, mask, protected_spec, manifest };
}

export function mismatchError(layer: DesiredLayer, why: string, cause?: unknown): GantryError {
  const module = `${layer.account}/${layer.module}`;
  return new GantryError(
    'layer_mismatch',
    `The layer of ${module} ${layer.version} is not what its author signed: ${why}.`,
    { field: module, cause },
  );
}
