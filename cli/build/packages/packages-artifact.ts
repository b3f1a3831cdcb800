import { createReadStream } from 'node:fs';
import { mapConcurrently } from '../../../shared/base/concurrency.ts';
import { isGantryError } from '../../../shared/base/error.ts';
import type { LockedPackage } from '../../../shared/packages/index.ts';
import { emptyBlob, mediaTypes } from '../../../shared/registry/index.ts';
import type { Target } from '../../input/registry-target.ts';
import type { DebCache, DebSource } from './deb-cache.ts';

const packagesArtifactType = 'application/vnd.gantry.packages.v1';
const debType = 'application/vnd.debian.binary-package';

/** Uploads at one time. */
const concurrentUploads = 4;

/**
 * Saves packages as an OCI artifact: each .deb is a layer, so its digest in the registry is its
 * SHA-256 in the lock. The same packages give the same digest.
 * @returns the digest of the artifact
 * @throws GantryError `registry_*`
 */
export async function savePackages(
  { client, reference, name }: Target,
  debs: readonly LockedPackage[],
  cache: DebCache,
): Promise<string> {
  await mapConcurrently(debs, concurrentUploads, async (deb) => {
    const blob = { digest: `sha256:${deb.sha256}`, size: deb.size };
    await client.pushBlob(reference.repository, blob, () => createReadStream(cache.path(deb)));
  });

  await client.pushBlob(reference.repository, emptyBlob, emptyBlob.bytes);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: packagesArtifactType,
    config: {
      mediaType: mediaTypes.empty,
      digest: emptyBlob.digest,
      size: emptyBlob.size,
      data: 'e30=',
    },
    layers: debs.map((deb) => ({
      mediaType: debType,
      digest: `sha256:${deb.sha256}`,
      size: deb.size,
      annotations: {
        'org.opencontainers.image.title': deb.path.slice(deb.path.lastIndexOf('/') + 1),
      },
    })),
  };

  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  const { digest } = await client.putManifest(reference.repository, name, {
    bytes,
    mediaType: mediaTypes.manifest,
  });
  return digest;
}

/** Packages saved in a repository. A lock names them by digest, so no manifest is read. */
export function savedPackages({ client, reference }: Omit<Target, 'name'>): DebSource {
  return async (deb) => {
    const blob = { digest: `sha256:${deb.sha256}`, size: deb.size };
    const chunks = client.getBlob(reference.repository, blob);
    try {
      const first = await chunks.next();
      return first.done ? undefined : startingWith(first.value, chunks);
    } catch (error) {
      if (isGantryError(error, 'registry_not_found')) return undefined;
      throw error;
    }
  };
}

async function* startingWith(first: Uint8Array, rest: AsyncIterable<Uint8Array>) {
  yield first;
  yield* rest;
}
