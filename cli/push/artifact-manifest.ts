import { emptyBlob, mediaTypes } from '../../shared/registry/index.ts';

export const moduleArtifactType = 'application/vnd.powernode.module.v1';

/**
 * Returns the OCI manifest that `oras push` 1.2 writes for one file, with the same order of keys.
 */
export function artifactManifest(
  layer: { digest: string; size: number },
  title: string,
  createdS: number,
) {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: moduleArtifactType,
    config: {
      mediaType: mediaTypes.empty,
      digest: emptyBlob.digest,
      size: emptyBlob.size,
      data: 'e30=',
    },
    layers: [
      {
        mediaType: mediaTypes.moduleLayer,
        digest: layer.digest,
        size: layer.size,
        annotations: { 'org.opencontainers.image.title': title },
      },
    ],
    annotations: {
      'org.opencontainers.image.created': new Date(createdS * 1000)
        .toISOString()
        .replace('.000Z', 'Z'),
    },
  };
}
