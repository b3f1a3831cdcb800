import { createHash } from 'node:crypto';
import { PassThrough, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { zstdFrames } from '../../artifact/index.ts';
import { GantryError } from '../../base/error.ts';
import { ownValue } from '../../base/own-value.ts';
import type { Descriptor } from '../../registry/index.ts';

type Chunks = AsyncIterable<Uint8Array>;

/** What unpacks a layer: the source as the decoder needs it, and the decoder. */
type Unpacking = (source: Chunks) => [source: Chunks, decoder: Transform];

const plain: Unpacking = (source) => [source, new PassThrough()];
const gzip: Unpacking = (source) => [source, createGunzip()];
const zstd: Unpacking = (source) => [zstdFrames(source), createZstdDecompress()];

/**
 * How each type of layer is unpacked (OCI image spec 1.1, "Image Layer Filesystem Changeset", and
 * Docker's names; BuildKit 0.10 and 0.11 wrote Docker's with zstd, containerd/containerd#9263).
 */
const unpackings: Record<string, Unpacking> = {
  'application/vnd.oci.image.layer.v1.tar': plain,
  'application/vnd.oci.image.layer.v1.tar+gzip': gzip,
  'application/vnd.oci.image.layer.v1.tar+zstd': zstd,
  'application/vnd.docker.image.rootfs.diff.tar': plain,
  'application/vnd.docker.image.rootfs.diff.tar.gzip': gzip,
  'application/vnd.docker.image.rootfs.diff.tar.zstd': zstd,
};

/** @throws GantryError `media_type_unsupported` */
export function requireUnpackable(layers: readonly Descriptor[]): void {
  const odd = layers.find(({ mediaType }) => ownValue(unpackings, mediaType) === undefined);
  if (odd === undefined) return;

  const found = odd.mediaType.slice(0, 200);
  const known = Object.keys(unpackings).join(', ');
  const message = `expected the media type of an image's layer to be one of ${known}; found ${found}`;
  throw new GantryError('media_type_unsupported', message, { found });
}

/**
 * Yields a layer's tar, and verifies its diff_id at the end. Bytes that cannot be unpacked are the
 * artifact's fault.
 *
 * @throws GantryError `artifact_invalid`; errors of the source pass through
 */
export async function* unpackLayer(
  { mediaType, digest }: Descriptor,
  diffId: string,
  bytes: Chunks,
): AsyncGenerator<Uint8Array> {
  const [source, decoder] = (ownValue(unpackings, mediaType) as Unpacking)(bytes);
  const hash = createHash('sha256');
  // A failure destroys the stream that is read below, which then throws.
  const done = pipeline(source, decoder);

  done.catch(() => undefined);
  try {
    for await (const chunk of decoder as Chunks) {
      hash.update(chunk);
      yield chunk;
    }
    await done;
  } catch (error) {
    if (!/^(?:Z_|ZSTD_|ERR_ZSTD)/.test((error as { code?: string }).code ?? '')) throw error;

    const reason = (error as Error).message;
    const message = `expected layer ${digest} to be ${mediaType}, found bytes that do not unpack: ${reason}`;
    throw new GantryError('artifact_invalid', message, { cause: error });
  }

  const found = `sha256:${hash.digest('hex')}`;
  if (found === diffId) return;

  const expected = diffId.slice(0, 100);
  const message = `expected layer ${digest} to unpack to its diff_id ${expected}, found ${found}`;
  throw new GantryError('artifact_invalid', message, { expected, found });
}
