import { kindOfMediaType, summarizeDocument, withoutParameters } from '../../attestation/index.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { valueNestsDeeper } from '../../base/nesting.ts';
import type { SideLayer } from '../../domain/modules/index.ts';
import {
  type DocumentKind,
  type DocumentSummary,
  withoutLicenses,
} from '../../domain/signatures/index.ts';
import { type Descriptor, mediaTypes } from '../../registry/index.ts';
import { objectKeys, putByDigest } from '../../store/objects.ts';
import type { IngestSource } from './ingest-source.ts';

/**
 * Separates the layer that a module is from the documents beside it (SBOM, VEX, list of packages).
 * @throws GantryError `media_type_unsupported`, `layer_too_large`
 */
export function splitLayers(layers: readonly Descriptor[]): {
  layer: Descriptor;
  sideLayers: Descriptor[];
} {
  const isSide = ({ mediaType }: Descriptor) => kindOfMediaType(mediaType) !== null;
  const [layer, ...others] = layers.filter((one) => !isSide(one));

  if (layer === undefined || others.length > 0 || layer.mediaType !== mediaTypes.moduleLayer) {
    const found = layers.map(({ mediaType }) => mediaType.slice(0, 100));
    const named = `${found.slice(0, 5).join(', ') || 'none'}${found.length > 5 ? `, … ${found.length} in all` : ''}`;
    throw new GantryError(
      'media_type_unsupported',
      `expected one layer ${mediaTypes.moduleLayer}, beside it only SBOM, VEX and lists of packages; found ${named}`,
    );
  }

  if (layer.size > limits.layerBytesMax) {
    const message = `expected a layer of at most ${limits.layerBytesMax} bytes, found ${layer.size}`;
    throw new GantryError('layer_too_large', message, {
      expected: limits.layerBytesMax,
      found: layer.size,
    });
  }

  return { layer, sideLayers: layers.filter(isSide) };
}

/** Stores and summarizes the documents beside a module. One that is too large is only noted. */
export async function storeSideLayers(
  { services, module, client, repository }: IngestSource<'account'>,
  platform: string,
  sideLayers: readonly Descriptor[],
): Promise<SideLayer[]> {
  refuseTooMany(sideLayers);
  const stored: SideLayer[] = [];

  for (const descriptor of sideLayers) {
    const { mediaType, digest, size } = descriptor;
    const media_type = withoutParameters(mediaType);
    const kind = kindOfMediaType(mediaType) ?? 'other';
    const facts = { platform, media_type, digest, size };
    if (size > limits.sideLayerBytesMax) {
      stored.push({ ...facts, kind, format: null });
      continue;
    }

    const bytes = await client.readBlob(repository, descriptor, limits.sideLayerBytesMax);
    const key = objectKeys.document(module.account, digest);
    await putByDigest(services.objects, { key, body: bytes, type: media_type }, services.now());
    stored.push({ ...facts, ...summarizeBytes(kind, bytes) });
  }

  return stored;
}

/** @throws GantryError `artifact_invalid` */
function refuseTooMany(sideLayers: readonly unknown[]): void {
  const [expected, found] = [limits.sideLayersMax, sideLayers.length];
  if (found <= expected) return;

  throw new GantryError(
    'artifact_invalid',
    `expected at most ${expected} layers with documents in all builds of an artifact, found ${found}; attach others as attestations`,
    { expected, found },
  );
}

/** Nobody signed that the document is what its media type says. */
function summarizeBytes(kind: DocumentKind, bytes: Uint8Array): DocumentSummary {
  let document: unknown = null;
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return { kind, format: null };
  }

  const readable = !valueNestsDeeper(document, limits.bundleDepthMax);
  return readable ? summarizeDocument(kind, document) : { kind, format: null };
}

/** The side layers of all builds, as a version's row keeps them; without licences if many. */
export function boundSideLayers(found: readonly SideLayer[]): SideLayer[] {
  refuseTooMany(found);
  if (Buffer.byteLength(JSON.stringify(found)) <= limits.sideLayersBytesMax) return [...found];

  return found.map(({ sbom, ...rest }) => ({
    ...rest,
    ...(sbom === undefined ? {} : { sbom: withoutLicenses(sbom) }),
  }));
}
