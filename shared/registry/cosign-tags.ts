import { mapConcurrently } from '../base/concurrency.ts';
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
  waitForAll,
  wasRefused,
} from './signature-reader.ts';

/** Attestations of cosign 2 have it as well, empty. */
const signatureAnnotation = 'dev.cosignproject.cosign/signature';

/** Reads what a tag of cosign 2 lists. */
type ReadTag = () => Promise<FoundSignature[]>;

/**
 * Looks up `sha256-<hex>.sig` and `sha256-<hex>.att`. Returns functions that read their layers, so
 * that a caller can look up several places concurrently and still read signatures first. The
 * attestations are looked up last: a verdict waits longer for the signatures, and a registry
 * returns those later if it is asked for everything at the same time.
 */
export async function findCosignTags(
  reader: Reader,
  digest: string,
): Promise<{ readSigned: ReadTag; readAttested: ReadTag }> {
  const signed = listLayers(reader, digest, 'sig');
  const [readSigned, readAttested] = await waitForAll([
    signed.then((listed) => readFewAhead(reader, listed)),
    signed.then(() => findAttestationTag(reader, digest)),
  ]);
  return { readSigned, readAttested };
}

/** Looks up `sha256-<hex>.att`. Returns a function that reads its layers. */
export async function findAttestationTag(reader: Reader, digest: string): Promise<ReadTag> {
  const listed = await listLayers(reader, digest, 'att');
  return 'problems' in listed
    ? async () => listed.problems
    : () => readAttestationLayers(reader, 'legacy_tag', listed.layers);
}

/** Reads few signatures without waiting for other places: they take no room that others need. */
async function readFewAhead(reader: Reader, listed: Listed): Promise<ReadTag> {
  if ('problems' in listed) return async () => listed.problems;

  const read = () => readLegacyLayers(reader, 'legacy_tag', listed.layers);
  if (listed.layers.length > limits.signaturesReadAheadMax) return read;

  const found = await read();
  return async () => found;
}

/** The layers of a tag. Without any there may be a problem, as an unreadable signature. */
type Listed = { layers: Descriptor[] } | { problems: FoundSignature[] };

async function listLayers(reader: Reader, digest: string, kind: 'sig' | 'att'): Promise<Listed> {
  try {
    const tag = `${fallbackTag(digest)}.${kind}`;
    const content = await reader.client.findManifest(reader.repository, tag);
    return content === null
      ? { problems: [] }
      : parseManifest(content.bytes, `the signatures of ${digest}`);
  } catch (error) {
    const isAbsent = wasRefused(reader, error);
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
