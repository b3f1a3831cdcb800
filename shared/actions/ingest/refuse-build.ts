import { GantryError } from '../../base/error.ts';
import type { Candidate } from '../../domain/candidates/index.ts';
import type { RegistryClient } from '../../registry/index.ts';
import { findIndexOf } from '../registries/index.ts';

/**
 * Refuses a build that was verified before the poll saw its index: a workflow that signs each build
 * tags these first.
 */
export async function refuseBuild(
  client: RegistryClient,
  repository: string,
  { digest, tags }: Candidate,
): Promise<void> {
  const digestOf = async (tag: string) =>
    (await client.headManifest(repository, tag)).claimedDigest;
  const indexes = await Promise.all(
    tags.map((tag) => findIndexOf(client, repository, { tag, build: digest }, digestOf)),
  );
  const [index = null] = indexes;
  if (index === null || indexes.includes(null)) return;

  throw new GantryError(
    'tag_of_build',
    `expected a version, found with ${tags.join(', ')} a build of ${index}, which is the version`,
    { found: index },
  );
}
