import { LRUCache } from 'lru-cache';
import { limits } from '../../base/limits/index.ts';
import { wholeTagOf } from '../../domain/modules/index.ts';
import { listBuilds, mayMeanAbsence, type RegistryClient } from '../../registry/index.ts';

/** The builds that indexes list, by the digest of the index, which never changes. */
const buildsOfIndexes = new LRUCache<string, ReadonlySet<string>>({ max: limits.keptIndexesMax });

/**
 * Finds the index that lists the digest of a build's tag, such as `v1.0.0-amd64`: the artifact that
 * the tag of the whole version names. Null if there is none, or if the registry refuses to name it.
 * @param digestOf asks the registry which digest a tag names now
 */
export async function findIndexOf(
  client: RegistryClient,
  repository: string,
  { tag, build }: { tag: string; build: string },
  digestOf: (tag: string) => Promise<string | null>,
): Promise<string | null> {
  const whole = wholeTagOf(tag);
  if (whole === null) return null;

  try {
    const index = await digestOf(whole);
    if (index === null || index === build) return null;
    const builds = await readBuilds(client, repository, index);
    return builds.has(build) ? index : null;
  } catch (error) {
    if (mayMeanAbsence(error)) return null;
    throw error;
  }
}

async function readBuilds(
  client: RegistryClient,
  repository: string,
  index: string,
): Promise<ReadonlySet<string>> {
  const known = buildsOfIndexes.get(index);
  if (known !== undefined) return known;

  const builds = new Set(listBuilds(await client.getManifest(repository, index)));
  buildsOfIndexes.set(index, builds);
  return builds;
}
