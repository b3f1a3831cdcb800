import { z } from 'zod';
import { kindOfMediaType } from '../../shared/attestation/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { DesiredLayer } from '../../shared/contract/reconcile/index.ts';
import type { Agent } from '../agent.ts';
import { sha256Digest } from './store.ts';

const descriptor = z.looseObject({ digest: z.string(), size: z.number() });
const layerDescriptor = descriptor.extend({ mediaType: z.string().optional() });

// A document that is both an index and a manifest means different things to different readers (OCI
// image spec 1.1).
const imageManifest = z.looseObject({
  layers: z.array(layerDescriptor),
  manifests: z.undefined().optional(),
});
const imageIndex = z.looseObject({
  // Entries beside the builds may have any form, as at ingest.
  manifests: z.array(z.unknown()),
  layers: z.undefined().optional(),
});

/**
 * Checks that the signed digest leads to the layer: `digest` (index or manifest) →
 * `manifest_digest` → digest and size of its one layer. Documents beside that layer, such as an
 * SBOM, do not count.
 *
 * @throws `layer_mismatch`, `unavailable`
 */
export async function checkDescriptors(layer: DesiredLayer, agent: Agent): Promise<void> {
  const manifestBytes = await readDocument(layer.manifest_digest, agent);
  if (layer.digest !== layer.manifest_digest) {
    await checkIndex(layer, manifestBytes.length, agent);
  }

  const manifest = parseDocument(imageManifest, manifestBytes, {
    digest: layer.manifest_digest,
    what: 'a manifest with layers',
  });
  const [found, ...others] = manifest.layers.filter(
    ({ mediaType = '' }) => kindOfMediaType(mediaType) === null,
  );

  const isSame = found?.digest === layer.layer_digest && found.size === layer.layer_size;
  if (isSame && others.length === 0) return;
  throw mismatchError(
    layer,
    `expected a manifest of ${layer.layer_digest} (${layer.layer_size} bytes), found ${others.length + 1} layers, first ${found?.digest} (${found?.size} bytes)`,
  );
}

async function checkIndex(layer: DesiredLayer, manifestSize: number, agent: Agent): Promise<void> {
  const index = parseDocument(imageIndex, await readDocument(layer.digest, agent), {
    digest: layer.digest,
    what: 'an index',
  });
  const isListed = index.manifests.some((entry) => {
    const { data } = descriptor.safeParse(entry);
    return data?.digest === layer.manifest_digest && data.size === manifestSize;
  });
  if (isListed) return;

  throw mismatchError(
    layer,
    `the signed index ${layer.digest} does not list the manifest ${layer.manifest_digest}`,
  );
}

async function readDocument(digest: string, { store, source }: Agent): Promise<Buffer> {
  const stored = await store.readDocument(digest);
  if (stored !== undefined) return stored;

  const bytes = await source.read(digest, limits.manifestBytesMax);
  const found = sha256Digest(bytes);

  if (found !== digest) {
    throw new GantryError(
      'layer_mismatch',
      `Fetched the wrong document: expected ${digest}, found ${found}.`,
      { expected: digest, found },
    );
  }

  await store.writeDocument(digest, bytes);
  return bytes;
}

function parseDocument<S extends z.ZodType>(
  schema: S,
  bytes: Buffer,
  { digest, what }: { digest: string; what: string },
): z.infer<S> {
  try {
    return schema.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new GantryError(
      'layer_mismatch',
      `${digest} is the wrong document: expected ${what}, found something else.`,
      { cause },
    );
  }
}

function mismatchError(layer: DesiredLayer, why: string): GantryError {
  const module = `${layer.account}/${layer.module}`;
  return new GantryError(
    'layer_mismatch',
    `${module} ${layer.version} is not what its author signed: ${why}.`,
    { field: module },
  );
}
