import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RegistryClient } from '../shared/registry/client.ts';
import { parseJson } from '../shared/registry/schema.ts';
import { basicCredentials, type DockerRegistry } from './docker-registry.ts';

const layoutIndex = z.object({
  manifests: z.array(
    z.object({
      mediaType: z.string(),
      digest: z.string(),
      size: z.number(),
      annotations: z.record(z.string(), z.string()).optional(),
    }),
  ),
});
const links = z.looseObject({
  mediaType: z.string().optional(),
  config: z.looseObject({ digest: z.string() }).optional(),
  layers: z.array(z.looseObject({ digest: z.string() })).optional(),
  manifests: z.array(z.looseObject({ digest: z.string() })).optional(),
});

/**
 * Pushes an OCI image layout into a repository: every blob, manifest and tag. Blobs whose bytes
 * differ from their name are written into the storage directly, because the layout has them on
 * purpose and no registry accepts them.
 */
export async function loadLayout(
  registry: DockerRegistry,
  repository: string,
  layoutDir: string,
): Promise<void> {
  const client = new RegistryClient({ host: registry.host, credentials: basicCredentials });
  const blob = (digest: string) => readFile(join(layoutDir, 'blobs', digest.replace(':', '/')));

  const index = parseJson(
    layoutIndex,
    await readFile(join(layoutDir, 'index.json')),
    'an OCI layout',
  );

  const pushBlob = async (digest: string): Promise<void> => {
    const bytes = await blob(digest);
    const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

    if (found === digest) await client.pushBlob(repository, { digest, size: bytes.length }, bytes);
    else await linkBlob(registry, repository, digest, bytes);
  };

  const pushManifest = async (digest: string, mediaType: string, tag?: string): Promise<void> => {
    const bytes = await blob(digest);
    const { config, layers = [], manifests = [] } = parseJson(links, bytes, 'a manifest');

    for (const child of manifests) {
      const childType = index.manifests.find((entry) => entry.digest === child.digest)?.mediaType;
      await pushManifest(child.digest, childType ?? 'application/vnd.oci.image.manifest.v1+json');
    }

    for (const { digest: layer } of [...(config ? [config] : []), ...layers]) {
      await pushBlob(layer);
    }

    await client.putManifest(repository, tag ?? digest, { bytes, mediaType });
  };

  // Push children before the indexes that list them.
  const order = [...index.manifests].sort(
    (a, b) => Number(isIndex(a.mediaType)) - Number(isIndex(b.mediaType)),
  );
  for (const { digest, mediaType, annotations } of order) {
    await pushManifest(digest, mediaType, annotations?.['org.opencontainers.image.ref.name']);
  }
}

/** Overwrites a blob's bytes in a registry's storage. */
export async function overwriteBlob(
  registry: DockerRegistry,
  digest: string,
  bytes: Uint8Array,
): Promise<void> {
  const hex = digest.replace('sha256:', '');
  const directory = join(
    registry.storageDir,
    'docker/registry/v2/blobs/sha256',
    hex.slice(0, 2),
    hex,
  );

  await writeFile(join(directory, 'data'), bytes);
}

/** Puts a blob into the storage past the API, with the link that makes a repository serve it. */
async function linkBlob(
  registry: DockerRegistry,
  repository: string,
  digest: string,
  bytes: Uint8Array,
) {
  const hex = digest.replace('sha256:', '');
  const root = join(registry.storageDir, 'docker/registry/v2');

  await mkdir(join(root, 'blobs/sha256', hex.slice(0, 2), hex), { recursive: true });
  await overwriteBlob(registry, digest, bytes);

  const link = join(root, 'repositories', repository, '_layers/sha256', hex);
  await mkdir(link, { recursive: true });
  await writeFile(join(link, 'link'), digest);
}

function isIndex(mediaType: string): boolean {
  return mediaType.includes('index') || mediaType.includes('manifest.list');
}
