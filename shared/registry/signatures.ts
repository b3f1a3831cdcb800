import { mapConcurrently } from '../base/concurrency.ts';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { nestsDeeper } from '../base/nesting.ts';
import { parseStrictJson } from '../base/strict-json.ts';
import {
  type FoundSignature,
  type SignatureSource,
  signPredicateType,
  type UnreadableReason,
} from '../domain/signatures/index.ts';
import { fallbackTag, type RegistryClient } from './client.ts';
import { isOutage } from './failure.ts';
import { type Descriptor, type Manifest, mediaTypes, parseManifest } from './schema.ts';

/** Manifests read concurrently: enough to hide latency, few enough for the limits of a registry. */
const concurrency = 4;

/** Attestations of cosign 2 have it as well, empty. */
const signatureAnnotation = 'dev.cosignproject.cosign/signature';

/** What a bundle says of its statement. A hint: the statement decides. */
const predicateTypeAnnotation = 'dev.sigstore.bundle.predicateType';

interface Reader {
  client: RegistryClient;
  repository: string;
  /**
   * Signatures counted so far. Those beyond `limits.foundSignaturesMax` are counted but not read.
   */
  met: number;
  /** Bytes counted so far. Those beyond `limits.foundSignaturesBytesMax` are not read either. */
  bytes: number;
}

interface Referrer {
  source: SignatureSource;
  descriptor: Descriptor;
  /** Once it is read. */
  manifest?: Manifest;
}

/**
 * Collects everything beside an artifact that may be a signature of it, each once: from the
 * referrers API, the fallback tag `sha256-<hex>` and the legacy tag `sha256-<hex>.sig`. Signatures
 * are not verified here; only their bytes must match the requested digests. A signature that cannot
 * be read becomes an `unreadable` one and does not hide the others. If there are more than
 * `limits.foundSignaturesMax`, the last one has the code `too_many_signatures`.
 * @param digest the digest of the artifact manifest, which the caller computed
 * @throws GantryError `registry_*` when the registry fails, because "unsigned" would then be a
 * guess
 */
export async function collectSignatures(
  client: RegistryClient,
  repository: string,
  digest: string,
): Promise<FoundSignature[]> {
  const reader = { client, repository, met: 0, bytes: 0 };
  const { referrers, problems } = await findReferrers(reader, digest);
  const legacy = await readLegacyTag(reader, digest);

  const room = Math.max(0, limits.foundSignaturesMax - legacy.length);
  const chosen =
    referrers.length <= room
      ? referrers
      : (await signaturesFirst(reader, referrers)).slice(0, room);
  const read = await mapConcurrently(chosen, concurrency, (referrer) =>
    readReferrer(reader, referrer),
  );
  const signatures = [...problems, ...legacy, ...read.flat()];
  const total = Math.max(legacy.length + referrers.length, signatures.length, reader.met);
  const distinct = deduplicate(signatures);
  if (total <= limits.foundSignaturesMax) return distinct.slice(0, limits.foundSignaturesMax);

  return [...distinct.slice(0, limits.foundSignaturesMax - 1), reportTooMany(digest, total)];
}

/**
 * Lists the referrers from both places. A list that cannot be read counts as one unreadable
 * signature.
 */
async function findReferrers({ client, repository }: Reader, digest: string) {
  const found = new Map<string, Referrer>();
  const problems: FoundSignature[] = [];

  const add = async (source: SignatureSource, list: () => Promise<Descriptor[] | null>) => {
    try {
      for (const descriptor of (await list()) ?? []) {
        if (!found.has(descriptor.digest)) found.set(descriptor.digest, { source, descriptor });
      }
    } catch (error) {
      if (isOutage(error)) throw error;
      problems.push(unreadable('bundle', source, digest, error));
    }
  };

  await add('referrers', () => client.referrersApi(repository, digest));
  await add('fallback_tag', () => client.fallbackReferrers(repository, digest));

  // Some registries report the media type of the config as artifactType, so it must not filter, but
  // it can set the order.
  const referrers = [...found.values()].sort(
    (a, b) => rankReferrer(a.descriptor) - rankReferrer(b.descriptor),
  );
  return { referrers, problems };
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
      if (![1, 3].includes(rankReferrer(referrer.descriptor))) return referrer;
      try {
        return { ...referrer, manifest: await readManifest(reader, referrer) };
      } catch (error) {
        // It is reported when it is read as a signature.
        if (!(error instanceof GantryError) || isOutage(error)) throw error;
        return referrer;
      }
    },
  );
  const rank = ({ descriptor, manifest }: Referrer) =>
    rankReferrer({ ...descriptor, annotations: manifest?.annotations ?? descriptor.annotations });

  return [...known, ...referrers.slice(known.length)].sort((a, b) => rank(a) - rank(b));
}

async function readManifest(
  { client, repository }: Reader,
  { descriptor: { digest, size } }: Referrer,
): Promise<Manifest> {
  const { bytes } = await client.getManifest(repository, digest, { size });
  return parseManifest(bytes, `referrer ${digest}`);
}

/** Signatures come first, so that no number of attestations hides them. */
function rankReferrer({ artifactType, annotations }: Descriptor): number {
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
    const attests = type !== signPredicateType;
    const bytes = await readSignature(
      reader,
      layer,
      attests ? limits.attestationBytesMax : limits.signatureBytesMax,
    );
    if (bytes === null) return [];

    return [
      { format: 'bundle', source, claimed_digest: descriptor.digest, bundle: parseBundle(bytes) },
    ];
  });
}

/** Reads the layers of `sha256-<hex>.sig`. */
async function readLegacyTag(reader: Reader, digest: string): Promise<FoundSignature[]> {
  const source = 'legacy_tag';
  let layers: Descriptor[];
  try {
    const content = await reader.client.getManifest(
      reader.repository,
      `${fallbackTag(digest)}.sig`,
    );
    layers = parseManifest(content.bytes, `the signatures of ${digest}`).layers;
  } catch (error) {
    if (error instanceof GantryError && error.code === 'registry_not_found') return [];
    if (isOutage(error)) throw error;
    return [unreadable('legacy', source, digest, error)];
  }

  return readLegacyLayers(reader, source, layers);
}

/**
 * Reads layers with a signature in their annotations, of any media type, as cosign does. Other
 * layers are no signatures, unless they have the media type of one. It reads one more than the
 * limit, so that the caller notices the excess.
 */
async function readLegacyLayers(
  reader: Reader,
  source: SignatureSource,
  layers: Descriptor[],
): Promise<FoundSignature[]> {
  const signatures = layers.filter(isLegacySignature).slice(0, limits.foundSignaturesMax + 1);
  const read = await mapConcurrently(signatures, concurrency, (layer) =>
    readOrReport('legacy', source, layer.digest, async () => {
      const bytes = await readSignature(reader, layer);
      if (bytes === null) return [];

      const payload = Buffer.from(bytes).toString('base64');
      const annotations = layer.annotations ?? {};
      return [{ format: 'legacy', source, claimed_digest: layer.digest, payload, annotations }];
    }),
  );

  return read.flat();
}

/**
 * Returns null beyond the limit: fifty referrers of fifty signatures each would be an attack on our
 * memory.
 */
async function readSignature(
  reader: Reader,
  layer: Descriptor,
  bytesMax: number = limits.signatureBytesMax,
): Promise<Uint8Array | null> {
  reader.met += 1;
  if (reader.met > limits.foundSignaturesMax) return null;

  const material = Object.values(layer.annotations ?? {}).reduce(
    (sum, value) => sum + value.length,
    0,
  );
  const size = Math.max(layer.size, material);

  if (size > bytesMax) {
    throw new GantryError(
      'signature_too_large',
      `expected a signature of at most ${bytesMax} bytes, found ${size}`,
      { expected: bytesMax, found: size },
    );
  }

  if (reader.bytes + size > limits.foundSignaturesBytesMax) {
    const expected = limits.foundSignaturesBytesMax;
    throw new GantryError(
      'signature_too_large',
      `expected the signatures and attestations of an artifact to have at most ${expected} bytes together, found more; this one was not read`,
      { expected, found: reader.bytes + size },
    );
  }

  reader.bytes += size;
  return reader.client.readBlob(reader.repository, layer, bytesMax);
}

async function readOrReport(
  format: FoundSignature['format'],
  source: SignatureSource,
  claimedDigest: string,
  read: () => Promise<FoundSignature[]>,
): Promise<FoundSignature[]> {
  try {
    return await read();
  } catch (error) {
    if (isOutage(error)) throw error;
    return [unreadable(format, source, claimedDigest, error)];
  }
}

function unreadable(
  format: FoundSignature['format'],
  source: SignatureSource,
  claimed_digest: string,
  error: unknown,
): FoundSignature {
  if (!(error instanceof GantryError)) throw error;
  const reason: UnreadableReason = { code: error.code, message: error.message };
  return format === 'bundle'
    ? { format, source, claimed_digest, bundle: null, unreadable: reason }
    : { format, source, claimed_digest, payload: '', annotations: {}, unreadable: reason };
}

function reportTooMany(digest: string, found: number): FoundSignature {
  const message = `expected at most ${limits.foundSignaturesMax} signatures beside an artifact, found ${found}; the others were not read`;
  const reason: UnreadableReason = { code: 'too_many_signatures', message };

  return {
    format: 'bundle',
    source: 'referrers',
    claimed_digest: digest,
    bundle: null,
    unreadable: reason,
  };
}

function parseBundle(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!nestsDeeper(text, limits.bundleDepthMax)) return parseStrictJson(text);
  } catch (cause) {
    throw new GantryError(
      'bundle_invalid',
      `expected a Sigstore bundle, found bytes that are not JSON: ${(cause as Error).message}`,
      { cause },
    );
  }
  throw new GantryError(
    'bundle_invalid',
    'expected a Sigstore bundle, found values nested too deeply to read',
  );
}

/** Removes duplicates: content that was attached twice is one signature. */
function deduplicate(signatures: FoundSignature[]): FoundSignature[] {
  const byContent = new Map<string, FoundSignature>();
  for (const signature of signatures) {
    const content =
      signature.unreadable !== undefined
        ? signature.claimed_digest
        : signature.format === 'bundle'
          ? JSON.stringify(signature.bundle)
          : JSON.stringify([signature.payload, signature.annotations]);
    if (!byContent.has(content)) byContent.set(content, signature);
  }

  return [...byContent.values()];
}

function isLegacySignature({ mediaType, annotations }: Descriptor): boolean {
  return mediaType === mediaTypes.simpleSigning || !!annotations?.[signatureAnnotation];
}

function isBundle(mediaType: string): boolean {
  return /^application\/vnd\.dev\.sigstore\.bundle(\.v0\.[0-9]+)?\+json/.test(mediaType);
}

function isIndex(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerIndex;
}
