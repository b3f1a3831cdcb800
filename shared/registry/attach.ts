import { createHash } from 'node:crypto';
import { GantryError } from '../base/error.ts';
import { compareBytes } from '../domain/files/index.ts';
import { signPredicateType } from '../domain/signatures/index.ts';
import { fallbackTag, type ManifestContent, type RegistryClient } from './client.ts';
import { mayMeanAbsence } from './failure.ts';
import type { ReferrerList } from './referrers.ts';
import { type Descriptor, emptyBlob, mediaTypes } from './schema.ts';

/**
 * The fallback tag is read, changed and written back without a lock, so this is how often to check
 * that the write stayed.
 */
const indexAttempts = 4;

interface Attachment {
  repository: string;
  subject: ManifestContent;
  bundle: unknown;
  /** The type of the statement in the bundle; cosign's sign type unless given. */
  predicateType?: string;
  createdAt: Date;
}

/**
 * Stores a bundle beside an artifact as `cosign sign` and `cosign attest` 3 do: a manifest whose
 * subject is the artifact and, on registries without the referrers API, an entry in the fallback
 * tag `sha256-<hex>`.
 * @param attachment.subject the artifact's manifest, as read from the same repository
 * @param attachment.createdAt written to the manifest, to the second
 * @returns the digest of the manifest that holds the bundle
 * @throws GantryError `registry_*`; `conflict` when other clients keep overwriting the fallback tag
 */
export async function attachBundle(
  client: RegistryClient,
  attachment: Attachment,
): Promise<{ digest: string }> {
  const { repository, subject, bundle } = attachment;
  const layer = describe(new TextEncoder().encode(JSON.stringify(bundle)), mediaTypes.bundle);
  await client.pushBlob(repository, emptyBlob, emptyBlob.bytes);
  await client.pushBlob(repository, layer.descriptor, layer.bytes);

  const manifest = describe(
    new TextEncoder().encode(JSON.stringify(bundleManifest(attachment, layer.descriptor))),
    mediaTypes.manifest,
  );
  const { digest, subjectNoted } = await client.putManifest(
    repository,
    manifest.descriptor.digest,
    {
      bytes: manifest.bytes,
      mediaType: mediaTypes.manifest,
    },
  );

  const referrer = { ...manifest.descriptor, artifactType: mediaTypes.bundle };
  if (!subjectNoted) await addToFallbackTag(client, repository, subject.digest, referrer);
  return { digest };
}

/**
 * The manifest as cosign 3 writes it, with its order of keys and the `artifactType` within the
 * config.
 */
function bundleManifest(
  { subject, predicateType = signPredicateType, createdAt }: Attachment,
  layer: Descriptor,
) {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: {
      mediaType: mediaTypes.empty,
      size: emptyBlob.size,
      digest: emptyBlob.digest,
      artifactType: mediaTypes.bundle,
    },
    layers: [layer],
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': predicateType,
      'org.opencontainers.image.created': createdAt.toISOString().replace(/\.[0-9]{3}Z$/, 'Z'),
    },
    subject: { mediaType: subject.mediaType, size: subject.size, digest: subject.digest },
    artifactType: mediaTypes.bundle,
  };
}

/**
 * OCI distribution 1.1, "Pushing Manifests with Subject": clients maintain the index if the
 * registry does not.
 */
async function addToFallbackTag(
  client: RegistryClient,
  repository: string,
  digest: string,
  referrer: Descriptor,
) {
  const tag = fallbackTag(digest);
  for (let attempt = 0; attempt < indexAttempts; attempt++) {
    const present = await readFallbackTag(client, repository, digest);
    if (lists(present, referrer)) return;

    // Entries that Gantry cannot read belong to others, so they stay as they are.
    const manifests = [...(present?.entries ?? []), referrer].sort((a, b) =>
      compareBytes(digestOf(a), digestOf(b)),
    );
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
    const bytes = new TextEncoder().encode(JSON.stringify(index));

    await client.putManifest(repository, tag, { bytes, mediaType: mediaTypes.index });
  }

  if (lists(await client.fallbackReferrers(repository, digest), referrer)) return;

  throw new GantryError(
    'conflict',
    `expected the tag ${tag} to list ${referrer.digest}, but other clients keep changing it`,
    {
      expected: referrer.digest,
    },
  );
}

/**
 * Reads the fallback tag. Where the registry refuses it, the list of tags says whether it is absent
 * (Artifactory: 403). A tag that is there is never written over unread.
 * @throws the refusal, unless the tag is absent
 */
async function readFallbackTag(
  client: RegistryClient,
  repository: string,
  digest: string,
): Promise<ReferrerList | null> {
  try {
    return await client.fallbackReferrers(repository, digest);
  } catch (error) {
    if (!mayMeanAbsence(error)) throw error;

    const find = fallbackTag(digest);
    const { tags, cut } = await client.listTags(repository, { find });
    if (!tags.includes(find) && cut === null) return null;
    if (cut === null) throw error;

    const { code, message, details } = error;
    const text = `${message}, and the list of tags is incomplete: ${cut}; delete unused tags, or push to another repository`;
    throw new GantryError(code, text, { cause: error, details });
  }
}

function lists(index: ReferrerList | null, { digest }: Descriptor): boolean {
  return index?.descriptors.some((descriptor) => descriptor.digest === digest) ?? false;
}

function digestOf(entry: unknown): string {
  return String((entry as { digest?: unknown } | null)?.digest);
}

function describe(
  bytes: Uint8Array,
  mediaType: string,
): { bytes: Uint8Array; descriptor: Descriptor } {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { bytes, descriptor: { mediaType, size: bytes.length, digest } };
}
