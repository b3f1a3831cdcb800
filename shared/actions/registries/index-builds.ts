import { LRUCache } from 'lru-cache';
import { isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { wholeTagOf } from '../../domain/modules/index.ts';
import { isIndex, parseIndex, type RegistryClient, signed } from '../../registry/index.ts';

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
    const builds = await listBuilds(client, repository, index);
    return builds.has(build) ? index : null;
  } catch (error) {
    if (isGantryError(error, ...refusals)) return null;
    throw error;
  }
}

/** How registries say that they do not hand out one manifest. */
const refusals = [
  'registry_not_found',
  'registry_unauthorized',
  'registry_response_invalid',
] as const;

async function listBuilds(
  client: RegistryClient,
  repository: string,
  index: string,
): Promise<ReadonlySet<string>> {
  const known = buildsOfIndexes.get(index);
  if (known !== undefined) return known;

  const { bytes } = await client.getManifest(repository, index);
  const builds = readBuildDigests(bytes);
  buildsOfIndexes.set(index, builds);
  return builds;
}

/** What is no index, or none that can be read, lists nothing: its own candidate says why. */
function readBuildDigests(bytes: Uint8Array): ReadonlySet<string> {
  try {
    const manifests = signed(() => (isIndex(bytes) ? parseIndex(bytes).manifests : []));
    return new Set(manifests.map(({ digest }) => digest));
  } catch (error) {
    if (isGantryError(error, 'artifact_invalid')) return new Set();
    throw error;
  }
}
