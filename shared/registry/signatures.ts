import { mapConcurrently } from '../base/concurrency.ts';
import type { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import {
  type FoundSignature,
  type SignatureSource,
  signPredicateType,
} from '../domain/signatures/index.ts';
import type { RegistryClient } from './client.ts';
import { findCosignTag, readAttestationLayers, readLegacyLayers } from './cosign-tags.ts';
import { concernsOne, mayMeanAbsence } from './failure.ts';
import { deduplicate, parseBundle, unreadable, upToLimit } from './found-signature.ts';
import type { ReferrerList } from './referrers.ts';
import { type Descriptor, type Manifest, mediaTypes, parseManifest } from './schema.ts';
import {
  concurrency,
  createReader,
  type Reader,
  readOrReport,
  readSignature,
  wasRefused,
} from './signature-reader.ts';

/** What a bundle says of its statement. A hint: the statement decides. */
const predicateTypeAnnotation = 'dev.sigstore.bundle.predicateType';

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
  builds: readonly string[] = [],
): Promise<FoundSignature[]> {
  return (await findSignatures(client, repository, digest, builds)).found;
}

/**
 * Collects everything beside an artifact that may be a signature of it, each once: from the
 * referrers API, the fallback tag `sha256-<hex>`, and the tags `sha256-<hex>.sig` and `.att` of
 * cosign 2. Signatures are not verified here; only their bytes must match the requested digests. A
 * signature that cannot be read becomes an `unreadable` one and does not hide the others. If there
 * are more than `limits.foundSignaturesMax`, the last one has the code `too_many_signatures`. A
 * refused place counts as empty while the registry returns the artifact itself.
 * @param digest the digest of the artifact manifest, which the caller computed
 * @param builds digests of the manifests that an index lists: attestations beside them are
 * collected too
 * @throws GantryError `registry_*` when the registry fails, because "unsigned" would then be a
 * guess
 */
export async function findSignatures(
  client: RegistryClient,
  repository: string,
  digest: string,
  builds: readonly string[] = [],
): Promise<FoundSignatures> {
  const reader = createReader(client, repository);
  const [{ referrers, problems, unreadableEntries }, readSigned, readAttested] = await waitForAll([
    findReferrers(reader, digest),
    findCosignTag(reader, digest, 'sig'),
    findCosignTag(reader, digest, 'att'),
  ]);

  const legacy = await readSigned();
  const room = Math.max(0, limits.foundSignaturesMax - legacy.length);
  const chosen =
    referrers.length <= room
      ? referrers
      : (await signaturesFirst(reader, referrers)).slice(0, room);
  const read = await mapConcurrently(chosen, concurrency, (referrer) =>
    readReferrer(reader, referrer),
  );

  // Attestations come later, so that no number of them hides a signature.
  const attested = await readAttested();
  const ofBuilds = await readBuildAttestations(reader, builds);
  const doubt = await judgeRefusals(reader, digest);

  // Anyone who may push can add entries that cannot be read, so they come last.
  const others = [...attested, ...ofBuilds, ...unreadableEntries];
  const signatures = [...problems, ...legacy, ...read.flat(), ...others];
  const total = Math.max(legacy.length + referrers.length, signatures.length, reader.met);
  return { found: upToLimit(deduplicate(signatures), digest, total), doubt };
}

/** Waits for each, also where one fails: no request runs on after its caller has given up. */
async function waitForAll<T extends readonly unknown[] | []>(parts: T) {
  await Promise.allSettled(parts);
  return Promise.all(parts);
}

/**
 * Reads the attestations beside the builds of an index. Those that are beside the index too are
 * read once. A signature of a build is none of the index, so it is left out.
 */
async function readBuildAttestations(
  reader: Reader,
  builds: readonly string[],
): Promise<FoundSignature[]> {
  const found: FoundSignature[] = [];
  let room: number = limits.referrerManifestsMax;

  for (const build of builds) {
    if (reader.met > limits.foundSignaturesMax) break;
    const [{ referrers, problems, unreadableEntries }, readAttested] = await waitForAll([
      findReferrers(reader, build),
      findCosignTag(reader, build, 'att'),
    ]);
    const chosen = referrers.slice(0, room);
    room -= chosen.length;
    // Those that are not read count, so that the excess is reported.
    if (chosen.length < referrers.length) reader.met = limits.foundSignaturesMax + 1;

    const read = await mapConcurrently(chosen, concurrency, (referrer) =>
      readBuildReferrer(reader, referrer),
    );
    found.push(...problems, ...read.flat(), ...(await readAttested()), ...unreadableEntries);
  }

  return found;
}

async function readBuildReferrer(reader: Reader, referrer: Referrer): Promise<FoundSignature[]> {
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
  const places = await waitForAll([
    listPlace(reader, 'referrers', () => client.referrersApi(repository, digest)),
    listPlace(reader, 'fallback_tag', () => client.fallbackReferrers(repository, digest)),
  ]);
  const found = new Map<string, Referrer>();
  const problems: FoundSignature[] = [];
  const unreadableEntries: FoundSignature[] = [];

  for (const { source, list, problem } of places) {
    for (const descriptor of list?.descriptors ?? []) {
      if (!found.has(descriptor.digest)) found.set(descriptor.digest, { source, descriptor });
    }
    for (const { claimedDigest, error } of list?.unreadable ?? [])
      unreadableEntries.push(unreadable('bundle', source, claimedDigest ?? digest, error));
    if (problem !== undefined) problems.push(unreadable('bundle', source, digest, problem));
  }

  // Some registries report the media type of the config as artifactType, so it must not filter, but
  // it can set the order.
  const referrers = [...found.values()].sort(
    (a, b) => rankReferrer(a.descriptor) - rankReferrer(b.descriptor),
  );
  return { referrers, problems, unreadableEntries };
}

/** Lists one place. Returns its problem if it has something, which cannot be read. */
async function listPlace(
  reader: Reader,
  source: SignatureSource,
  read: () => Promise<ReferrerList | null>,
): Promise<{ source: SignatureSource; list: ReferrerList | null; problem?: unknown }> {
  try {
    return { source, list: await read() };
  } catch (error) {
    if (wasRefused(reader, error)) return { source, list: null };
    return { source, list: null, problem: error };
  }
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

function isBundle(mediaType: string): boolean {
  return /^application\/vnd\.dev\.sigstore\.bundle(\.v0\.[0-9]+)?\+json/.test(mediaType);
}

function isIndex(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerIndex;
}
