import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { emptyBlob, mediaTypes } from '../../shared/registry/index.ts';
import type { Target } from '../input/registry-target.ts';

export interface PushResult {
  /** Digest of the OCI manifest, which is what gets signed. */
  digest: string;
  layer_digest: string;
  layer_size: number;
  /** False if the registry already had the layer. */
  uploaded: boolean;
}

export const moduleArtifactType = 'application/vnd.powernode.module.v1';
export const moduleLayerType = 'application/vnd.powernode.module.v1+tar';

/**
 * Pushes a module.tar as an OCI manifest with one layer. The same tar gives the same bytes.
 * @param path a module.tar, or a directory that has one
 * @throws GantryError `io_error`, `layer_too_large`, `usage` for a reference with a digest,
 * `registry_*`
 */
export async function pushModule(
  { client, reference, name }: Target,
  path: string,
  onProgress: (sent: number, size: number) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<PushResult> {
  if (reference.digest !== undefined) {
    throw new GantryError('usage', 'expected a reference with a tag to push to, found a digest', {
      found: reference.digest,
    });
  }

  const tar = await findTar(path);
  const layer = await describeTar(tar);

  const { uploaded } = await client.pushBlob(
    reference.repository,
    layer,
    () => createReadStream(tar),
    onProgress,
  );

  await client.pushBlob(reference.repository, emptyBlob, emptyBlob.bytes);
  const created =
    env.SOURCE_DATE_EPOCH === undefined
      ? await readFirstEntryTime(tar)
      : parseEpoch(env.SOURCE_DATE_EPOCH);
  const bytes = new TextEncoder().encode(
    JSON.stringify(artifactManifest(layer, basename(tar), created)),
  );
  const { digest } = await client.putManifest(reference.repository, name, {
    bytes,
    mediaType: mediaTypes.manifest,
  });

  return { digest, layer_digest: layer.digest, layer_size: layer.size, uploaded };
}

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
        mediaType: moduleLayerType,
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

async function findTar(path: string): Promise<string> {
  const tar = (await fileInfo(path)).isDirectory() ? join(path, 'module.tar') : path;
  const info = await fileInfo(tar);
  if (!info.isFile())
    throw new GantryError('io_error', `expected a module.tar at ${tar}, found something else`);

  if (info.size > limits.layerBytesMax) {
    throw new GantryError(
      'layer_too_large',
      `expected a module.tar of at most ${limits.layerBytesMax} bytes, found ${info.size}`,
      {
        expected: limits.layerBytesMax,
        found: info.size,
      },
    );
  }

  return tar;
}

async function fileInfo(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `expected a module.tar at ${path}, found none; run "gantry module build" first`,
      { cause },
    );
  }
}

async function describeTar(tar: string): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;

  for await (const chunk of createReadStream(tar)) {
    hash.update(chunk);
    size += chunk.length;
  }

  return { digest: `sha256:${hash.digest('hex')}`, size };
}

/**
 * Reads the time of the first tar header (octal, at 136), which the build took from
 * SOURCE_DATE_EPOCH.
 */
async function readFirstEntryTime(tar: string): Promise<number> {
  const file = await open(tar);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(12), 0, 12, 136);
    const text = buffer.subarray(0, bytesRead).toString('latin1').replaceAll('\0', ' ').trim();
    return /^[0-7]{1,11}$/.test(text) ? Number.parseInt(text, 8) : 0;
  } finally {
    await file.close();
  }
}

function parseEpoch(text: string): number {
  if (/^[0-9]{1,11}$/.test(text)) return Number(text);
  throw new GantryError('usage', `expected SOURCE_DATE_EPOCH in seconds, found "${text}"`, {
    found: text,
  });
}
