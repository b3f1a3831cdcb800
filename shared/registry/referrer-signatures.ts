import { mapConcurrently } from '../base/concurrency.ts';
import { limits } from '../base/limits/index.ts';
import {
  type FoundSignature,
  type SignatureSource,
  signPredicateType,
} from '../domain/signatures/index.ts';
import { readAttestationLayers, readLegacyLayers } from './cosign-tags.ts';
import { concernsOne } from './failure.ts';
import { parseBundle } from './found-signature.ts';
import { type Descriptor, type Manifest, mediaTypes, parseManifest } from './schema.ts';
import { concurrency, type Reader, readOrReport, readSignature } from './signature-reader.ts';

/** What a bundle says of its statement. A hint: the statement decides. */
const predicateTypeAnnotation = 'dev.sigstore.bundle.predicateType';

export interface Referrer {
  source: SignatureSource;
  descriptor: Descriptor;
  /** Once it is read. */
  manifest?: Manifest;
}

/** Reads the signatures of referrers; of more than there is room for, the likeliest. */
export async function readReferrers(
  reader: Reader,
  referrers: Referrer[],
  room: number = referrers.length,
): Promise<FoundSignature[]> {
  const chosen =
    referrers.length <= room
      ? referrers
      : (await signaturesFirst(reader, referrers)).slice(0, room);
  const read = await mapConcurrently(chosen, concurrency, (referrer) =>
    readReferrer(reader, referrer),
  );
  return read.flat();
}

/**
 * Orders more referrers than are read by what their manifests say, because cosign writes no
 * annotations to the fallback tag: no usual number of attestations hides a signature.
 */
async function signaturesFirst(reader: Reader, referrers: Referrer[]): Promise<Referrer[]> {
  const known = await mapConcurrently(
    referrers.slice(0, limits.referrerManifestsMax),
    concurrency,
    async (referrer) => {
      // Only what claims to be something else needs no look.
      if (![0, 1, 3].includes(rankReferrer(referrer.descriptor))) return referrer;
      try {
        return { ...referrer, manifest: await readManifest(reader, referrer) };
      } catch (error) {
        // It is reported when it is read as a signature.
        if (!concernsOne(error)) throw error;
        return referrer;
      }
    },
  );
  const rank = ({ descriptor, manifest }: Referrer) => {
    const { annotations } = manifest ?? descriptor;
    return rankReferrer({ ...descriptor, annotations });
  };

  return [...known, ...referrers.slice(known.length)].sort((a, b) => rank(a) - rank(b));
}

/** Signatures come first, so that no number of attestations hides them. */
export function rankReferrer({ artifactType, annotations }: Descriptor): number {
  if (annotations?.[predicateTypeAnnotation] === signPredicateType) return 0;
  if (artifactType?.startsWith('application/vnd.dev.sigstore.bundle'))
    return annotations?.[predicateTypeAnnotation] === undefined ? 1 : 2;
  return artifactType === undefined || artifactType === '' || artifactType === mediaTypes.empty
    ? 3
    : 4;
}

/** Reads the signatures in a referrer. Returns none for anything else, such as an SBOM. */
async function readReferrer(reader: Reader, referrer: Referrer): Promise<FoundSignature[]> {
  const { source, descriptor } = referrer;
  return readOrReport('bundle', source, descriptor.digest, async () => {
    if (isIndex(descriptor.mediaType)) return [];

    const { layers, annotations } = referrer.manifest ?? (await readManifest(reader, referrer));
    const layer = layers.find(({ mediaType }) => isBundle(mediaType));
    // cosign 2 could attach simple signatures as referrers ("OCI 1.1 mode").
    if (layer === undefined) return readLegacyLayers(reader, source, layers);

    const type = annotations?.[predicateTypeAnnotation] ?? signPredicateType;
    const kind = type === signPredicateType ? 'signature' : 'attestation';
    const bytes = await readSignature(reader, layer, kind);
    if (bytes === null) return [];

    return [
      { format: 'bundle', source, claimed_digest: descriptor.digest, bundle: parseBundle(bytes) },
    ];
  });
}

/** Reads the attestation in a referrer of a build. A signature of it is none of the index. */
export async function readBuildReferrer(
  reader: Reader,
  referrer: Referrer,
): Promise<FoundSignature[]> {
  const { source, descriptor } = referrer;
  return readOrReport('bundle', source, descriptor.digest, async () => {
    if (isIndex(descriptor.mediaType)) return [];

    const manifest = await readManifest(reader, referrer);
    const bundle = manifest.layers.find(({ mediaType }) => isBundle(mediaType));
    if (bundle === undefined) return readAttestationLayers(reader, source, manifest.layers);

    const type = manifest.annotations?.[predicateTypeAnnotation] ?? signPredicateType;
    if (type === signPredicateType || reader.blobs.has(bundle.digest)) return [];
    return readReferrer(reader, { ...referrer, manifest });
  });
}

async function readManifest(
  { client, repository }: Reader,
  { descriptor: { digest, size } }: Referrer,
): Promise<Manifest> {
  const { bytes } = await client.getManifest(repository, digest, { size });
  return parseManifest(bytes, `referrer ${digest}`);
}

function isBundle(mediaType: string): boolean {
  return /^application\/vnd\.dev\.sigstore\.bundle(\.v0\.[0-9]+)?\+json/.test(mediaType);
}

function isIndex(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerIndex;
}
