import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerRegistry } from '../../scripts/docker-registry.ts';
import { RegistryClient } from '../../shared/registry/index.ts';

export {
  basicCredentials,
  type DockerRegistry,
  dockerRegistryProgram,
  freePort,
  startDockerRegistry,
} from '../../scripts/docker-registry.ts';
export { loadLayout, overwriteBlob } from '../../scripts/oci-layout.ts';

/** Gives a digest that is in the registry another tag. */
export async function retag(
  registry: DockerRegistry,
  repository: string,
  digest: string,
  tag: string,
): Promise<void> {
  const client = new RegistryClient({ host: registry.host });
  await client.putManifest(repository, tag, await client.getManifest(repository, digest));
}

/** Deletes a tag and leaves its manifest, which distribution 2 does for no request. */
export async function deleteTag(
  registry: DockerRegistry,
  repository: string,
  tag: string,
): Promise<void> {
  await rm(join(directoryOf(registry, repository), '_manifests/tags', tag), { recursive: true });
}

export async function deleteRepository(
  registry: DockerRegistry,
  repository: string,
): Promise<void> {
  await rm(directoryOf(registry, repository), { recursive: true });
}

function directoryOf({ storageDir }: DockerRegistry, repository: string): string {
  return join(storageDir, 'docker/registry/v2/repositories', repository);
}
