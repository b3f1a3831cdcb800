import { createHash } from 'node:crypto';
import { readModuleTar, verifyModuleTar } from '../shared/artifact/index.ts';
import { GantryError, isGantryError } from '../shared/base/error.ts';
import { limits } from '../shared/base/limits/index.ts';
import { composefsImage } from '../shared/composefs/index.ts';
import type { DesiredLayer } from '../shared/contract/reconcile/index.ts';
import type { TreeEntry } from '../shared/domain/files/index.ts';
import { parseManifestJson } from '../shared/manifest/index.ts';
import type { ArtifactSource } from './source.ts';
import type { LayerRecord, Store } from './store.ts';
import { breather, type ContentCheck } from './verity.ts';

/** Something that was wrong on this machine and was put right. */
export interface Finding {
  code: 'store_tampered' | 'root_tampered' | 'clock_skew';
  message: string;
}

export interface LayerContext {
  store: Store;
  source: ArtifactSource;
  check: ContentCheck;
  /** What was found wrong in the store is added here. */
  findings: Finding[];
}

export interface VerifiedLayer {
  entries: TreeEntry[];
  file_spec: string[];
  mask: string[];
  protected_spec: string[];
}

/**
 * A layer whose every byte has been checked on this machine: by its SHA-256 when it was fetched, and each time since by
 * its composefs digest (entries, attributes, small files) and the fs-verity digest of each object. What fails is removed
 * and fetched again. Fails with `layer_mismatch`.
 */
export async function verifiedLayer(
  layer: DesiredLayer,
  context: LayerContext,
): Promise<VerifiedLayer> {
  const kept = await keptLayer(layer, context);
  return described(layer, kept ?? (await fetchLayer(layer, context)));
}

async function keptLayer(
  layer: DesiredLayer,
  context: LayerContext,
): Promise<LayerRecord | undefined> {
  const { store, check, findings } = context;
  const record = await store.readLayer(layer.layer_digest);
  if (record === undefined) return undefined;
  const wrong = recordFault(layer, record) ?? (await contentFault(record.entries, store, check));
  if (wrong === undefined) return record;
  findings.push({
    code: 'store_tampered',
    message: `The store of ${layer.account}/${layer.module} ${layer.version} is not as it was verified: ${wrong}; fetched again.`,
  });
  await store.removeLayer(layer.layer_digest);
  return undefined;
}

function recordFault(layer: DesiredLayer, record: LayerRecord): string | undefined {
  const where = `store/layers/${layer.layer_digest.slice('sha256:'.length)}.json`;
  try {
    const found = `sha256:${composefsImage(record.entries).digest}`;
    if (record.layer_digest === layer.layer_digest && found === layer.composefs_digest)
      return undefined;
    return `${where} gives the composefs digest ${found}, expected ${layer.composefs_digest}`;
  } catch (error) {
    if (isGantryError(error)) return `${where}: ${error.message}`;
    throw error;
  }
}

async function contentFault(
  entries: TreeEntry[],
  store: Store,
  check: ContentCheck,
): Promise<string | undefined> {
  let wrong: string | undefined;
  const breathe = breather();
  for (const entry of entries) {
    if (!isStored(entry)) continue;
    const verity = entry.verity as string;
    const state = store.checkObject(verity, entry.size, check);
    if (state !== 'right') {
      wrong ??= `store/${verity.slice(0, 2)}/${verity.slice(2)} (${entry.path}) ${state === 'missing' ? 'is missing' : 'has other content'}`;
      store.removeObject(verity);
    }
    await breathe();
  }
  return wrong;
}

/** Whether a file's content lies in the store; shorter ones are kept in the entry, as in composefs images. */
export function isStored(entry: TreeEntry): boolean {
  return entry.type === 'file' && entry.size > limits.inlineFileBytesMax;
}

async function fetchLayer(
  layer: DesiredLayer,
  { store, source }: LayerContext,
): Promise<LayerRecord> {
  const answer = await source.open(layer.layer_digest);
  const hash = createHash('sha256');
  let size = 0;
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of answer.body) {
      size += chunk.length;
      if (size > layer.layer_size)
        throw mismatch(layer, `it has more than the ${layer.layer_size} bytes that were signed`);
      hash.update(chunk);
      yield chunk;
    }
    // Thrown in the stream, so that it comes before any complaint about the form of bytes that are not the right ones.
    const found = `sha256:${hash.digest('hex')}`;
    if (size !== layer.layer_size || found !== layer.layer_digest) {
      throw mismatch(
        layer,
        `received ${size} bytes with ${found}, expected ${layer.layer_size} bytes with ${layer.layer_digest}`,
      );
    }
  }
  try {
    const tar = await readModuleTar(hashed(), {
      // Whether a module may ship devices was decided at ingest; the decision is in what was approved and signed.
      allowDevices: true,
      onFile: ({ size: bytes }) => (bytes > limits.inlineFileBytesMax ? store.sink() : undefined),
    });
    const found = `sha256:${verifyModuleTar(tar).digest}`;
    if (found !== layer.composefs_digest) {
      throw mismatch(
        layer,
        `its tree has the composefs digest ${found}, the desired state says ${layer.composefs_digest}`,
      );
    }
    const record: LayerRecord = {
      layer_digest: layer.layer_digest,
      manifest_json: tar.manifestJson,
      entries: tar.entries.map(({ offset: _, ...entry }) => entry),
    };
    described(layer, record);
    await store.sync();
    await store.writeLayer(record);
    return record;
  } catch (cause) {
    if (!isGantryError(cause) || ['unavailable', 'layer_mismatch', 'io_error'].includes(cause.code))
      throw cause;
    throw mismatch(layer, `${cause.message} (${cause.code})`, cause);
  } finally {
    store.abandon();
  }
}

/** The layer with what its own manifest says, which composition goes by. */
function described(layer: DesiredLayer, { manifest_json, entries }: LayerRecord): VerifiedLayer {
  const { name, file_spec, mask, protected_spec } = parseManifestJson(manifest_json);
  if (name !== layer.module) throw mismatch(layer, `its manifest.json is of "${name}"`);
  return { entries, file_spec, mask, protected_spec };
}

function mismatch(layer: DesiredLayer, why: string, cause?: unknown): GantryError {
  return new GantryError(
    'layer_mismatch',
    `The layer of ${layer.account}/${layer.module} ${layer.version} is not what was signed: ${why}.`,
    { field: `${layer.account}/${layer.module}`, cause },
  );
}
