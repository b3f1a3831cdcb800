import { createHash } from 'node:crypto';
import {
  decodeFileIndex,
  type FileIndex,
  readModuleTar,
  verifyModuleTar,
} from '../../shared/artifact/index.ts';
import { isGantryError } from '../../shared/base/error.ts';
import type { ErrorCode } from '../../shared/base/error-codes.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { composefsImage } from '../../shared/composefs/index.ts';
import type { DesiredLayer } from '../../shared/contract/reconcile/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import type { Agent } from '../agent.ts';
import { type Space, spaceOf } from '../disk-space.ts';
import { RangeRefused } from '../fetch/artifact-source.ts';
import { makeBreather } from './content-check.ts';
import { describeLayer, mismatchError } from './layer.ts';
import { type LayerPlan, planLayer } from './plan-layer.ts';
import { type LayerSource, rebuiltLayer } from './rebuilt-layer.ts';
import { isStored, type LayerRecord, type Store } from './store.ts';

/** A layer that the store lacks, and the cheapest way to get it. */
export interface MissingLayer {
  layer: DesiredLayer;
  /** Undefined when the layer has no usable index: it is fetched whole. */
  index: { bytes: Buffer; content: FileIndex } | undefined;
  plan: LayerPlan;
  /** What its content adds to the store. */
  space: Space;
}

/**
 * Plans how to get a layer. Nothing is written.
 *
 * @param coming The fs-verity digests that earlier layers bring to the store. Those of this layer
 * are added.
 * @throws `unavailable`
 */
export async function planMissingLayer(
  layer: DesiredLayer,
  agent: Agent,
  coming: Set<string>,
): Promise<MissingLayer> {
  const index = await findIndex(layer, agent);
  if (index === undefined) {
    const space = spaceOf([layer.layer_size]);
    return { layer, index, plan: { kind: 'whole' }, space };
  }

  const { entries } = index.content;
  const added = await findLacking(entries, agent, coming);
  const has = ({ verity = '' }: TreeEntry) => !added.has(verity);

  const plan = planLayer({ entries, size: layer.layer_size, has });
  for (const verity of added.keys()) coming.add(verity);
  return { layer, index, plan, space: spaceOf([...added.values()]) };
}

/** The contents that the store lacks: fs-verity digest → size. What is wrong there is removed. */
async function findLacking(
  entries: TreeEntry[],
  { store, check }: Agent,
  coming: ReadonlySet<string>,
): Promise<Map<string, number>> {
  const breathe = makeBreather();
  const lacking = new Map<string, number>();

  for (const entry of entries.filter(isStored)) {
    const { verity = '', size } = entry;
    if (coming.has(verity)) continue;

    await breathe();

    const state = store.checkObject(verity, size, check);
    if (state === 'tampered') await store.removeObject(verity);
    if (state !== 'right') lacking.set(verity, size);
  }

  return lacking;
}

/**
 * The file index of a layer. It is a claim: only its entries are checked here, by the composefs
 * digest that the account signed; the rest by the digest of the layer that is rebuilt with it.
 * Undefined when the layer is small, or has no index that rebuilds it.
 */
async function findIndex(
  layer: DesiredLayer,
  { store, source }: Agent,
): Promise<MissingLayer['index']> {
  if (layer.layer_size < limits.agentRequestBytes) return undefined;

  const stored = await readStoredIndex(layer, store);
  if (stored !== undefined) return stored;

  const name = `file-index:${layer.layer_digest}`;
  const fetched = await source.readIfServed(name, limits.agentFileIndexBytesMax);
  return fetched === undefined ? undefined : readIndex(layer, fetched);
}

/** The index of a layer whose fetch was interrupted. */
export async function readStoredIndex(
  layer: DesiredLayer,
  store: Store,
): Promise<MissingLayer['index']> {
  const bytes = await store.readIndex(layer.layer_digest);
  return bytes === undefined ? undefined : readIndex(layer, bytes);
}

async function readIndex(layer: DesiredLayer, bytes: Buffer): Promise<MissingLayer['index']> {
  try {
    const content = await decodeFileIndex(bytes, limits.agentFileIndexUnpackedBytesMax);
    const digest = `sha256:${composefsImage(content.entries).digest}`;
    const isUsable = content.outside !== undefined && digest === layer.composefs_digest;
    return isUsable ? { bytes, content } : undefined;
  } catch (error) {
    if (isGantryError(error)) return undefined;
    throw error;
  }
}

/**
 * Fetches a layer in its planned way, and as a whole when a range or the index was wrong. All its
 * bytes are verified before its record is written.
 *
 * @throws `layer_mismatch`, `unavailable`
 */
export async function fetchLayer(
  { layer, index, plan }: MissingLayer,
  agent: Agent,
): Promise<LayerRecord> {
  const { store, source } = agent;
  const { layer_digest, layer_size } = layer;

  if (index !== undefined) await store.writeIndex(layer_digest, index.bytes);

  if (index !== undefined && plan.kind === 'rebuild') {
    const fetched = source.ranges(layer_digest, plan.ranges, layer_size);
    try {
      return await readLayer(layer, rebuiltLayer(index.content, plan, { store, fetched }), agent);
    } catch (error) {
      const isWrong = error instanceof RangeRefused || isGantryError(error, 'layer_mismatch');
      if (!isWrong) throw error;
    }
  }

  return readLayer(
    layer,
    { tar: source.whole(layer_digest, layer_size), sinkOf: () => store.openSink() },
    agent,
  );
}

/** Codes that say what happened on this machine or on the way. Any other one is about the layer. */
const passedOn: ErrorCode[] = ['unavailable', 'layer_mismatch'];

async function readLayer(
  layer: DesiredLayer,
  { tar: bytes, sinkOf }: LayerSource,
  { store }: Agent,
): Promise<LayerRecord> {
  try {
    const tar = await readModuleTar(verifyBytes(layer, bytes), {
      // Ingest decided whether the module may ship devices, and what it decided was approved and
      // signed.
      allowDevices: true,
      onFile: (file) => (file.size > limits.inlineFileBytesMax ? sinkOf(file) : undefined),
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
