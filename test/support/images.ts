import { gzipSync, zstdCompressSync } from 'node:zlib';
import { mediaTypes, type RegistryClient } from '../../shared/registry/index.ts';
import { pushManifest, sha256 } from './flow.ts';
import { tarEnd } from './tar-archive.ts';

const layerType = 'application/vnd.oci.image.layer.v1.tar';

/** One layer: its members, and how it is packed. */
export interface ImageLayer {
  members: Buffer[];
  packed?: '' | '+gzip' | '+zstd';
  /** Bytes that are pushed instead of the packed tar. */
  bytes?: Buffer;
  mediaType?: string;
  diffId?: string;
}

/** The labels of a platform module. */
export function labelsOf(
  module: string,
  version = '1.0.0',
  title = 'Inventory Collector',
): Record<string, string> {
  return {
    'org.opencontainers.image.title': title,
    'org.opencontainers.image.version': version,
    'cloudsmith.module.id': module,
  };
}

const pack = {
  '': (tar: Buffer) => tar,
  '+gzip': (tar: Buffer) => gzipSync(tar),
  '+zstd': zstdCompressSync,
};

/**
 * Pushes an image as `docker push` does, under a tag or by its digest alone; answers its
 * descriptor.
 */
export async function pushImage(
  client: RegistryClient,
  repository: string,
  tag: string | null,
  labels: Record<string, string> | null,
  layers: ImageLayer[],
) {
  const push = async (bytes: Buffer, mediaType: string) => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
    await client.pushBlob(repository, descriptor, bytes);
    return descriptor;
  };

  const diff_ids: string[] = [];
  const descriptors: Awaited<ReturnType<typeof push>>[] = [];

  for (const { members, packed = '+gzip', bytes, mediaType, diffId } of layers) {
    const tar = Buffer.concat([...members, tarEnd]);
    diff_ids.push(diffId ?? sha256(tar));
    descriptors.push(await push(bytes ?? pack[packed](tar), mediaType ?? layerType + packed));
  }

  const image = {
    architecture: 'amd64',
    os: 'linux',
    config: labels === null ? {} : { Labels: labels },
    rootfs: { type: 'layers', diff_ids },
  };

  const config = await push(Buffer.from(JSON.stringify(image)), mediaTypes.imageConfig);
  return pushManifest(client, repository, tag, mediaTypes.manifest, {
    config,
    layers: descriptors,
  });
}
