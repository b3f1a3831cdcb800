import { mapConcurrently } from '../base/concurrency.ts';
import { GantryError, isGantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import {
  type FoundSignature,
  type SignatureSource,
  signPredicateType,
} from '../domain/signatures/index.ts';
import { fallbackTag, type RegistryClient } from './client.ts';
import { concernsOne, isOutage, mayMeanAbsence } from './failure.ts';
import { deduplicate, parseBundle, unreadable, upToLimit } from './found-signature.ts';
import type { ReferrerList } from './referrers.ts';
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
  /** Why the registry refused places where signatures can be. */
  refusals: GantryError[];
}

/** The signatures beside an artifact, as far as the registry gave them. */
export interface FoundSignatures {
  found: FoundSignature[];
  /**
   * A refusal by which the registry may have meant that nothing is there; null without one. It
   * proves no absence, so no version may lose anything by it.
   */
  doubt: GantryError | null;
}

interface Referrer {
  source: SignatureSource;
  descriptor: Descriptor;
  /** Once it is read. */
  manifest?: Manifest;
}

/** The signatures of {@link findSignatures}, for a caller that asks again if one is missing. */
export async function collectSignatures(
  client: RegistryClient,
  repository: string,
  digest: string,
): Promise<FoundSignature[]> {
  return (await findSignatures(client, repository, digest)).found;
}

/**
 * Collects everything beside an artifact that may be a signature of it, each once: from the
 * referrers API, the fallback tag `sha256-<hex>` and the legacy tag `sha256-<hex>.sig`. Signatures
 * are not verified here; only their bytes must match the requested digests. A signature that cannot
 * be read becomes an `unreadable` one and does not hide the others. If there are more than
 * `limits.foundSignaturesMax`, the last one has the code `too_many_signatures`. A refused place
 * counts as empty while the registry returns the artifact itself.
 * @param digest the digest of the artifact manifest, which the caller computed
 * @throws GantryError `registry_*` when the registry fails, because "unsigned" would then be a
 * guess
 */
export async function findSignatures(
  client: RegistryClient,
  repository: string,
  digest: string,
): Promise<FoundSignatures> {
  const reader: Reader = { client, repository, met: 0, bytes: 0, refusals: [] };
  const { referrers, problems, unreadableEntries } = await findReferrers(reader, digest);
  const legacy = await readLegacyTag(reader, digest);
  const doubt = await judgeRefusals(reader, digest);

  const room = Math.max(0, limits.foundSignaturesMax - legacy.length);
  const chosen =
    referrers.length <= room
      ? referrers
      : (await signaturesFirst(reader, referrers)).slice(0, room);
  const read = await mapConcurrently(chosen, concurrency, (referrer) =>
    readReferrer(reader, referrer),
  );
  // Anyone who may push can add entries that cannot be read, so they come last.
  const signatures = [...problems, ...legacy, ...read.flat(), ...unreadableEntries];
  const total = Math.max(legacy.length + referrers.length, signatures.length, reader.met);
  return { found: upToLimit(deduplicate(signatures), digest, total), doubt };
}

/**
 * Returns the first refusal of a place. Only where the registry returns the artifact does a refusal
 * concern that place alone.
 * @throws the refusal if the registry refuses the artifact too
 */
async function judgeRefusals(
  { client, repository, refusals }: Reader,
  digest: string,
): Promise<GantryError | null> {
  const [refusal = null] = refusals;
  if (refusal === null) return null;

  try {
    await client.getManifest(repository, digest);
  } catch (error) {
    throw mayMeanAbsence(error) ? refusal : error;
  }
  return refusal;
}

/**
 * Lists the referrers from both places. A list or an entry that cannot be read counts as one
 * unreadable signature.
 */
async function findReferrers(reader: Reader, digest: string) {
  const { client, repository } = reader;
  const found = new Map<string, Referrer>();
  const problems: FoundSignature[] = [];
  const unreadableEntries: FoundSignature[] = [];

  const add = async (source: SignatureSource, read: () => Promise<ReferrerList | null>) => {
    try {
      const list = await read();
      for (const descriptor of list?.descriptors ?? []) {
        if (!found.has(descriptor.digest)) found.set(descriptor.digest, { source, descriptor });
      }
      for (const { claimedDigest, error } of list?.unreadable ?? [])
        unreadableEntries.push(unreadable('bundle', source, claimedDigest ?? digest, error));
    } catch (error) {
      if (wasRefused(reader, error)) return;
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
  return { referrers, problems, unreadableEntries };
}

/**
 * Notes the refusal of a place where signatures can be. Returns false for a place that has
 * something, which cannot be read.
 * @throws the error if it is an outage
 */
function wasRefused({ refusals }: Reader, error: unknown): boolean {
  if (mayMeanAbsence(error)) {
    refusals.push(error);
    return true;
  }

  if (isOutage(error)) throw error;
  return false;
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
        if (!concernsOne(error)) throw error;
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
    if (isGantryError(error, 'registry_not_found') || wasRefused(reader, error)) return [];
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
    if (!concernsOne(error)) throw error;
    return [unreadable(format, source, claimedDigest, error)];
  }
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
