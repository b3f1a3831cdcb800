import { mapConcurrently } from '../base/concurrency.ts';
import type { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { FoundSignature } from '../domain/signatures/index.ts';
import type { RegistryClient } from './client.ts';
import { findAttestationTag, findCosignTags } from './cosign-tags.ts';
import { mayMeanAbsence } from './failure.ts';
import { findReferrers } from './find-referrers.ts';
import { deduplicate, upToLimit } from './found-signature.ts';
import { type Referrer, readBuildReferrer, readReferrers } from './referrer-signatures.ts';
import { concurrency, createReader, type Reader, waitForAll } from './signature-reader.ts';

/** The signatures beside an artifact, as far as the registry gave them. */
export interface FoundSignatures {
  found: FoundSignature[];
  /**
   * A refusal by which the registry may have meant that nothing is there; null without one. It
   * proves no absence, so no version may lose anything by it.
   */
  doubt: GantryError | null;
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
  const [{ referrers, problems, unreadableEntries, readAhead }, { readSigned, readAttested }] =
    await waitForAll([
      findReferrers(reader, digest).then((found) => readFewAhead(reader, found)),
      findCosignTags(reader, digest),
    ]);

  const legacy = await readSigned();
  const room = Math.max(0, limits.foundSignaturesMax - legacy.length);
  const read = readAhead ?? (await readReferrers(reader, referrers, room));

  // Attestations come later, so that no number of them hides a signature.
  const attested = await readAttested();
  const ofBuilds = await readBuildAttestations(reader, builds);
  const doubt = await judgeRefusals(reader, digest);

  // Anyone who may push can add entries that cannot be read, so they come last.
  const others = [...attested, ...ofBuilds, ...unreadableEntries];
  const signatures = [...problems, ...legacy, ...read, ...others];
  const total = Math.max(legacy.length + referrers.length, signatures.length, reader.met);
  return { found: upToLimit(deduplicate(signatures), digest, total), doubt };
}

/** Reads few referrers without waiting for other places: they take no room that others need. */
async function readFewAhead<T extends { referrers: Referrer[] }>(reader: Reader, found: T) {
  const isFew = found.referrers.length <= limits.signaturesReadAheadMax;
  return { ...found, readAhead: isFew ? await readReferrers(reader, found.referrers) : null };
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
      findAttestationTag(reader, build),
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
