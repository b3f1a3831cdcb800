import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  contentsInOrder,
  flatEntries,
  flattenImage,
  ImageTree,
  OutsideBytes,
} from '../../artifact/index.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { TreeEntry } from '../../domain/files/index.ts';
import type { ImageLabels } from '../../domain/modules/index.ts';
import {
  type Descriptor,
  type Manifest,
  mediaTypes,
  parseImageConfig,
  readVerified,
  signed,
  verifyStream,
} from '../../registry/index.ts';
import { getStream, objectKeys, putStream, refreshAge } from '../../store/objects.ts';
import type { IngestSource } from './ingest-source.ts';
import { readToEnd } from './read-to-end.ts';
import { requireUnpackable, unpackLayer } from './unpack-layer.ts';

/** Whether a manifest is an image manifest, and not an artifact manifest. */
export function isImage({ config }: Manifest): boolean {
  return (
    config.mediaType === mediaTypes.imageConfig || config.mediaType === mediaTypes.dockerImageConfig
  );
}

export interface StoredImage {
  labels: ImageLabels;
  /** The tar into which the layers were flattened. */
  layer: { digest: string; size: number };
  entries: TreeEntry[];
  /** The bytes of that tar outside its files, for the file index. */
  outside: Uint8Array | undefined;
}

/**
 * Stores the image of a platform module (product.md, section 10): its labels describe the module,
 * and its layers become one tar in S3. The layers are read three times: for their tree, for the
 * digest that names the tar, and for its bytes. Each time they are checked against the digests that
 * the author signed. Layers are never in memory as a whole.
 *
 * @throws GantryError `image_labels_missing`, `module_id_mismatch`, `media_type_unsupported`,
 * `artifact_invalid`, `tar_…`, `layer_…`, and what the registry's client throws
 */
export async function storeImage(
  { services, module, client, repository }: IngestSource<'account' | 'name' | 'allow_devices'>,
  { config, layers }: Manifest,
): Promise<StoredImage> {
  refuseLayers(layers);
  const bytes = await client.readBlob(repository, config, limits.imageConfigBytesMax);
  const image = signed(() => parseImageConfig(bytes));
  const labels = labelsOf(image.config?.Labels ?? {}, module.name);
  const { diff_ids } = image.rootfs;
  if (diff_ids.length !== layers.length)
    throw imageInvalidError(`${layers.length} diff_ids`, `${diff_ids.length}`);

  const blobOf = (layer: Descriptor) => client.getBlob(repository, layer);
  const unpack = (index: number, blob: AsyncIterable<Uint8Array>) =>
    unpackLayer(layers[index] as Descriptor, diff_ids[index] ?? '', blob);
  const open = (index: number) => unpack(index, blobOf(layers[index] as Descriptor));

  const tree = new ImageTree({ allowDevices: module.allow_devices });
  for (const [index, layer] of layers.entries())
    await readVerified(blobOf(layer), (blob) => tree.addLayer(unpack(index, blob)));

  const placed = tree.placed();
  const entries = flatEntries(placed);
  const outside = new OutsideBytes(contentsInOrder(entries));
  const layer = await digestOf(outside.through(flattenImage(placed, open)));

  const key = objectKeys.artifact(module.account, layer.digest);
  if (await refreshAge(services.objects, key, services.now())) {
    // The object may not come from an earlier ingest. Read it to the end: the stream throws if the
    // bytes differ.
    await readToEnd(verifyStream(await getStream(services.objects, key), layer));
  } else {
    await putStream(services.objects, key, flattenImage(placed, open));
  }

  return { labels, layer, entries, outside: await outside.finish() };
}

function refuseLayers(layers: readonly Descriptor[]): void {
  if (layers.length < 1 || layers.length > limits.imageLayersMax) {
    throw imageInvalidError(`1 to ${limits.imageLayersMax} layers`, `${layers.length}`);
  }

  requireUnpackable(layers);
  const found = layers.reduce((sum, { size }) => sum + size, 0);
  const expected = limits.layerBytesMax;
  if (found <= expected) return;

  const message = `expected layers of at most ${expected} bytes in all, found ${found}`;
  throw new GantryError('layer_too_large', message, { expected, found });
}

function imageInvalidError(expected: string, found: string): GantryError {
  return new GantryError('artifact_invalid', `expected an image of ${expected}, found ${found}`, {
    expected,
    found,
  });
}

const label = z
  .string()
  .max(200)
  .regex(/^\P{Cc}+$/u);
const labelsSchema = z.object({
  'org.opencontainers.image.title': label,
  'org.opencontainers.image.version': label,
  'cloudsmith.module.id': label,
});

function labelsOf(labels: Record<string, string>, module: string): ImageLabels {
  const parsed = labelsSchema.safeParse(labels);
  if (!parsed.success) {
    const field = String(parsed.error.issues[0]?.path[0]);
    const message = `expected an image with the label ${field}, one line of at most 200 characters; found ${field in labels ? 'another text' : 'none'}`;
    throw new GantryError('image_labels_missing', message, { field });
  }

  const found = parsed.data['cloudsmith.module.id'];
  if (found !== module) {
    const message = `expected the label cloudsmith.module.id to be "${module}", found ${JSON.stringify(found)}`;
    throw new GantryError('module_id_mismatch', message, {
      field: 'cloudsmith.module.id',
      expected: module,
      found,
    });
  }

  return {
    title: parsed.data['org.opencontainers.image.title'],
    version: parsed.data['org.opencontainers.image.version'],
    module_id: found,
  };
}

async function digestOf(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;

  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.length;
  }

  return { digest: `sha256:${hash.digest('hex')}`, size };
}
