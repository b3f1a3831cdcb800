import type { FoundSignature, SignatureSource } from '../domain/signatures/index.ts';
import { unreadable } from './found-signature.ts';
import { type Referrer, rankReferrer } from './referrer-signatures.ts';
import type { ReferrerList } from './referrers.ts';
import { type Reader, waitForAll, wasRefused } from './signature-reader.ts';

/**
 * Lists the referrers from both places. A list or an entry that cannot be read counts as one
 * unreadable signature.
 */
export async function findReferrers(reader: Reader, digest: string) {
  const places = await listPlaces(reader, digest);
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

/**
 * Lists the referrers API and the fallback tag. Where the registry lacks the API, the tag suffices
 * if it lists something: who wrote it found no API either.
 */
async function listPlaces(reader: Reader, digest: string): Promise<Place[]> {
  const { client, repository } = reader;
  const listApi = () =>
    listPlace(reader, 'referrers', () => client.referrersApi(repository, digest));
  const listTag = () =>
    listPlace(reader, 'fallback_tag', () => client.fallbackReferrers(repository, digest));
  if (!client.lacksReferrersApi(repository)) return waitForAll([listApi(), listTag()]);

  const tag = await listTag();
  return tag.list?.descriptors.length ? [tag] : [await listApi(), tag];
}

interface Place {
  source: SignatureSource;
  list: ReferrerList | null;
  problem?: unknown;
}

/** Lists one place. Returns its problem if it has something, which cannot be read. */
async function listPlace(
  reader: Reader,
  source: SignatureSource,
  read: () => Promise<ReferrerList | null>,
): Promise<Place> {
  try {
    return { source, list: await read() };
  } catch (error) {
    if (wasRefused(reader, error)) return { source, list: null };
    return { source, list: null, problem: error };
  }
}
