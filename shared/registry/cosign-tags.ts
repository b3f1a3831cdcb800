import { mapConcurrently } from '../base/concurrency.ts';
import { isGantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { FoundSignature, SignatureSource } from '../domain/signatures/index.ts';
import { fallbackTag } from './client.ts';
import { unreadable } from './found-signature.ts';
import { type Descriptor, mediaTypes, parseManifest } from './schema.ts';
import {
  concurrency,
  type Reader,
  readOrReport,
  readSignature,
  wasRefused,
} from './signature-reader.ts';

/** Attestations of cosign 2 have it as well, empty. */
const signatureAnnotation = 'dev.cosignproject.cosign/signature';

/**
 * Looks up `sha256-<hex>.sig` or `sha256-<hex>.att`. Returns a function that reads its layers, so
 * that a caller can look up several tags concurrently and still read signatures first. Few
 * signatures are read without waiting for other places: they take no room that others need.
 */
export async function findCosignTag(
  reader: Reader,
  digest: string,
  kind: 'sig' | 'att',
): Promise<() => Promise<FoundSignature[]>> {
  const listed = await listLayers(reader, digest, kind);
  if ('problems' in listed) return async () => listed.problems;

  const { layers } = listed;
  if (kind === 'att') return () => readAttestationLayers(reader, 'legacy_tag', layers);
  if (layers.length > limits.signaturesReadAheadMax)
    return () => readLegacyLayers(reader, 'legacy_tag', layers);

  const found = await readLegacyLayers(reader, 'legacy_tag', layers);
  return async () => found;
}

/** Returns the layers of a tag. Without any there may be a problem, as an unreadable signature. */
async function listLayers(
  reader: Reader,
  digest: string,
  kind: 'sig' | 'att',
): Promise<{ layers: Descriptor[] } | { problems: FoundSignature[] }> {
  try {
    const tag = `${fallbackTag(digest)}.${kind}`;
    const content = await reader.client.getManifest(reader.repository, tag);
    return parseManifest(content.bytes, `the signatures of ${digest}`);
  } catch (error) {
    const isAbsent = isGantryError(error, 'registry_not_found') || wasRefused(reader, error);
    return { problems: isAbsent ? [] : [unreadable('legacy', 'legacy_tag', digest, error)] };
  }
}

/**
 * Reads layers with a signature in their annotations, of any media type, as cosign does, and those
 * with the media type of a signature or attestation. Other layers are none.
 */
export function readLegacyLayers(
  reader: Reader,
  source: SignatureSource,
  layers: readonly Descriptor[],
): Promise<FoundSignature[]> {
  return readLayers(
    reader,
    source,
    layers.filter((layer) => isSimpleSignature(layer) || isEnvelope(layer)),
  );
}

/** Reads layers that are attestations. */
export function readAttestationLayers(
  reader: Reader,
  source: SignatureSource,
  layers: readonly Descriptor[],
): Promise<FoundSignature[]> {
  return readLayers(reader, source, layers.filter(isEnvelope));
}

/** Reads one more than the limit, so that the caller notices the excess. */
async function readLayers(
  reader: Reader,
  source: SignatureSource,
  layers: readonly Descriptor[],
): Promise<FoundSignature[]> {
  const chosen = layers.slice(0, limits.foundSignaturesMax + 1);
  const read = await mapConcurrently(chosen, concurrency, (layer) =>
    readOrReport('legacy', source, layer.digest, async () => {
      const kind = isEnvelope(layer) ? 'attestation' : 'signature';
      const bytes = await readSignature(reader, layer, kind);
      if (bytes === null) return [];

      const payload = Buffer.from(bytes).toString('base64');
      const annotations = layer.annotations ?? {};
      return [{ format: 'legacy', source, claimed_digest: layer.digest, payload, annotations }];
    }),
  );

  return read.flat();
}

function isSimpleSignature({ mediaType, annotations }: Descriptor): boolean {
  return mediaType === mediaTypes.simpleSigning || !!annotations?.[signatureAnnotation];
}

/** A DSSE envelope with an in-toto statement. */
function isEnvelope({ mediaType }: Descriptor): boolean {
  return mediaType === mediaTypes.envelope;
}
