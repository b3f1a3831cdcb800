import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { nestsDeeper } from '../base/nesting.ts';
import type {
  FoundSignature,
  SignatureSource,
  UnreadableReason,
} from '../domain/signatures/index.ts';
import { fallbackTag, type RegistryClient } from './client.ts';
import { isOutage } from './failure.ts';
import { type Descriptor, mediaTypes, parseManifest } from './schema.ts';

/** Manifests read at the same time: enough to hide latency, few enough for a registry's limits. */
const concurrency = 4;

interface Reader {
  client: RegistryClient;
  repository: string;
  /** Signatures met so far; those beyond `limits.foundSignaturesMax` are counted and not read. */
  met: number;
}

interface Referrer {
  source: SignatureSource;
  descriptor: Descriptor;
}

/**
 * Everything beside an artifact that may be a signature of it, from the referrers API, the fallback tag `sha256-<hex>` and
 * the legacy tag `sha256-<hex>.sig`, each once. Nothing is judged here except that bytes match the digests they were asked
 * by. What cannot be read is an `unreadable` signature and hides no other; beyond `limits.foundSignaturesMax` one
 * with the code `too_many_signatures` says so.
 * @param digest the artifact manifest's, computed by the caller
 * @throws GantryError `registry_*` when the registry fails, since "unsigned" would then be a guess
 */
export async function collectSignatures(
  client: RegistryClient,
  repository: string,
  digest: string,
): Promise<FoundSignature[]> {
  const reader = { client, repository, met: 0 };
  const { referrers, problems } = await findReferrers(reader, digest);
  const legacy = await readLegacyTag(reader, digest);

  const room = Math.max(0, limits.foundSignaturesMax - legacy.length);
  const read = await inGroups(referrers.slice(0, room), (referrer) =>
    readReferrer(reader, referrer),
  );
  const signatures = [...problems, ...legacy, ...read];
  const total = Math.max(legacy.length + referrers.length, signatures.length, reader.met);
  const distinct = deduplicated(signatures);
  if (total <= limits.foundSignaturesMax) return distinct.slice(0, limits.foundSignaturesMax);
  return [...distinct.slice(0, limits.foundSignaturesMax - 1), tooMany(digest, total)];
}

/** Referrers from both places; a list that cannot be read is one unreadable signature. */
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
  // Some registries report the config's media type as artifactType, so it must not filter; it may say what to read first.
  const referrers = [...found.values()].sort(
    (a, b) => likelihood(a.descriptor) - likelihood(b.descriptor),
  );
  return { referrers, problems };
}

function likelihood({ artifactType }: Descriptor): number {
  if (artifactType?.startsWith('application/vnd.dev.sigstore.bundle')) return 0;
  return artifactType === undefined || artifactType === '' || artifactType === mediaTypes.empty
    ? 1
    : 2;
}

/** The signatures in a referrer: none when it is something else, such as an SBOM. */
async function readReferrer(
  reader: Reader,
  { source, descriptor }: Referrer,
): Promise<FoundSignature[]> {
  return orUnreadable('bundle', source, descriptor.digest, async () => {
    if (isIndex(descriptor.mediaType)) return [];
    const { client, repository } = reader;
    const content = await client.getManifest(repository, descriptor.digest, {
      size: descriptor.size,
    });
    const { layers } = parseManifest(content.bytes, `referrer ${descriptor.digest}`);
    const layer = layers.find(({ mediaType }) => isBundle(mediaType));
    // cosign 2 could attach simple signatures as referrers ("OCI 1.1 mode").
    if (layer === undefined) return readLegacyLayers(reader, source, layers);
    const bytes = await readSignature(reader, layer);
    if (bytes === null) return [];
    return [
      { format: 'bundle', source, claimed_digest: descriptor.digest, bundle: parseBundle(bytes) },
    ];
  });
}

/** The layers of `sha256-<hex>.sig`. */
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

/** Each simple-signing layer is a signature with its material in the annotations; one more than the limit is read. */
async function readLegacyLayers(
  reader: Reader,
  source: SignatureSource,
  layers: Descriptor[],
): Promise<FoundSignature[]> {
  const signatures = layers
    .filter(({ mediaType }) => mediaType === mediaTypes.simpleSigning)
    .slice(0, limits.foundSignaturesMax + 1);
  return inGroups(signatures, (layer) =>
    orUnreadable('legacy', source, layer.digest, async () => {
      const bytes = await readSignature(reader, layer);
      if (bytes === null) return [];
      const payload = Buffer.from(bytes).toString('base64');
      const annotations = layer.annotations ?? {};
      return [{ format: 'legacy', source, claimed_digest: layer.digest, payload, annotations }];
    }),
  );
}

/** Reads a few at a time, in order. */
async function inGroups<T>(items: T[], read: (item: T) => Promise<FoundSignature[]>) {
  const signatures: FoundSignature[] = [];
  for (let i = 0; i < items.length; i += concurrency) {
    signatures.push(...(await Promise.all(items.slice(i, i + concurrency).map(read))).flat());
  }
  return signatures;
}

/** Null for one beyond those that are read: fifty referrers of fifty signatures each are an attack on our memory. */
async function readSignature(reader: Reader, layer: Descriptor): Promise<Uint8Array | null> {
  reader.met += 1;
  if (reader.met > limits.foundSignaturesMax) return null;
  const material = Object.values(layer.annotations ?? {}).reduce(
    (sum, value) => sum + value.length,
    0,
  );
  const size = Math.max(layer.size, material);
  if (size > limits.signatureBytesMax) {
    throw new GantryError(
      'signature_too_large',
      `expected a signature of at most ${limits.signatureBytesMax} bytes, found ${size}`,
      { expected: limits.signatureBytesMax, found: size },
    );
  }
  return reader.client.readBlob(reader.repository, layer, limits.signatureBytesMax);
}

async function orUnreadable(
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

function tooMany(digest: string, found: number): FoundSignature {
  const message = `expected at most ${limits.foundSignaturesMax} signatures beside an artifact, found ${found}; the rest was not read`;
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
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!nestsDeeper(text, limits.bundleDepthMax)) return JSON.parse(text);
  } catch (cause) {
    throw new GantryError(
      'bundle_invalid',
      'expected a Sigstore bundle, found bytes that are not JSON',
      { cause },
    );
  }
  throw new GantryError(
    'bundle_invalid',
    'expected a Sigstore bundle, found values nested too deeply to read',
  );
}

/** The same content attached twice is one signature. */
function deduplicated(signatures: FoundSignature[]): FoundSignature[] {
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

function isBundle(mediaType: string): boolean {
  return /^application\/vnd\.dev\.sigstore\.bundle(\.v0\.[0-9]+)?\+json/.test(mediaType);
}

function isIndex(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerIndex;
}
