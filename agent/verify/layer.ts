import { createHash } from 'node:crypto';
import { readModuleTar, verifyModuleTar } from '../../shared/artifact/index.ts';
import { GantryError, isGantryError } from '../../shared/base/error.ts';
import type { ErrorCode } from '../../shared/base/error-codes.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { composefsImage } from '../../shared/composefs/index.ts';
import type { DesiredLayer } from '../../shared/contract/reconcile/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import { parseManifestJson } from '../../shared/manifest/index.ts';
import type { Agent } from '../agent.ts';
import { makeBreather } from './content-check.ts';
import type { Remark } from './remark.ts';
import type { LayerRecord } from './store.ts';

export interface VerifiedLayer {
  entries: TreeEntry[];
  file_spec: string[];
  mask: string[];
  protected_spec: string[];
}

/**
 * Makes sure that a layer is in the store and right: by its SHA-256 over all bytes when it is
 * fetched, and each time since by its composefs digest (entries, attributes, small files) and the
 * fs-verity digest of each object. What is wrong is removed, fetched again and added to `remarks`.
 *
 * @throws `layer_mismatch`, `unavailable`
 */
export async function verifyLayer(
  layer: DesiredLayer,
  agent: Agent,
  remarks: Remark[],
): Promise<VerifiedLayer> {
  const stored = await readStoredLayer(layer, agent, remarks);
  return describeLayer(layer, stored ?? (await fetchLayer(layer, agent)));
}

async function readStoredLayer(
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

/**
 * Whether a file's content is in the store: short content is in the entry itself, as in composefs
 * images.
 */
export function isStored(entry: TreeEntry): boolean {
  return entry.type === 'file' && entry.size > limits.inlineFileBytesMax;
}

/** Codes that say what happened on this machine or on the way. Any other one is about the layer. */
const passedOn: ErrorCode[] = ['unavailable', 'layer_mismatch', 'io_error'];

async function fetchLayer(layer: DesiredLayer, { store, source }: Agent): Promise<LayerRecord> {
  const response = await source.open(layer.layer_digest);

  try {
    const tar = await readModuleTar(verifyBytes(layer, response.body), {
      // Ingest decided whether the module may ship devices, and what it decided was approved and
      // signed.
      allowDevices: true,
      onFile: ({ size }) => (size > limits.inlineFileBytesMax ? store.openSink() : undefined),
    });

    const found = `sha256:${verifyModuleTar(tar).digest}`;
    if (found !== layer.composefs_digest) {
      throw mismatchError(
        layer,
        `expected the composefs digest ${layer.composefs_digest}, found ${found}`,
      );
    }

    const record: LayerRecord = {
      layer_digest: layer.layer_digest,
      manifest_json: tar.manifestJson,
      entries: tar.entries.map(({ offset: _, ...entry }) => entry),
    };

    describeLayer(layer, record);

    await store.sync();
    await store.writeLayer(record);
    return record;
  } catch (cause) {
    if (!isGantryError(cause) || passedOn.includes(cause.code)) throw cause;
    throw mismatchError(layer, `${cause.message} (${cause.code})`, cause);
  } finally {
    store.abandonSink();
  }
}

/** Passes bytes on while it counts and hashes them. */
async function* verifyBytes(
  layer: DesiredLayer,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;

  for await (const chunk of body) {
    size += chunk.length;
    if (size > layer.layer_size) {
      throw mismatchError(layer, `expected ${layer.layer_size} bytes, found more than that`);
    }

    hash.update(chunk);
    yield chunk;
  }

  // Thrown from the stream, so that it comes before any error about the form of the wrong bytes.
  const found = `sha256:${hash.digest('hex')}`;
  if (size !== layer.layer_size || found !== layer.layer_digest) {
    throw mismatchError(
      layer,
      `expected ${layer.layer_size} bytes with ${layer.layer_digest}, found ${size} bytes with ${found}`,
    );
  }
}

/** The layer with the fields of its own manifest, which decide how it is composed. */
function describeLayer(
  layer: DesiredLayer,
  { manifest_json, entries }: LayerRecord,
): VerifiedLayer {
  const { name, file_spec, mask, protected_spec } = parseManifestJson(manifest_json);
  if (name !== layer.module) {
    throw mismatchError(
      layer,
      `expected a manifest.json of "${layer.module}", found one of "${name}"`,
    );
  }

  return { entries, file_spec, mask, protected_spec };
}

function mismatchError(layer: DesiredLayer, why: string, cause?: unknown): GantryError {
  const module = `${layer.account}/${layer.module}`;
  return new GantryError(
    'layer_mismatch',
    `The layer of ${module} ${layer.version} is not what its author signed: ${why}.`,
    { field: module, cause },
  );
}
