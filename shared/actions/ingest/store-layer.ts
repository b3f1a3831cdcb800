import { PassThrough } from 'node:stream';
import { type ModuleTar, readWithOutside } from '../../artifact/index.ts';
import type { Module } from '../../domain/modules/index.ts';
import { type Descriptor, readVerified, verifyStream } from '../../registry/index.ts';
import { getStream, objectKeys, putStream, refreshAge } from '../../store/objects.ts';
import type { IngestSource } from './ingest-source.ts';

export interface StoredLayer {
  tar: ModuleTar;
  /** The bytes of the tar outside its files, for the file index. */
  outside: Uint8Array | undefined;
}

/**
 * Stores a layer: streams it from the registry to S3 and, concurrently, through the archive's
 * checks. The layer is never in memory as a whole. A wrong digest or size ends the stream with an
 * error, and no object is created. A stored object is young (see `refreshAge`), so that the caller
 * may name it.
 */
export async function storeLayer(
  { services, module, client, repository }: IngestSource<'account' | 'allow_devices'>,
  layer: Descriptor,
): Promise<StoredLayer> {
  const key = objectKeys.artifact(module.account, layer.digest);
  if (await refreshAge(services.objects, key, services.now())) {
    // Another manifest may state a different size for the same bytes. Agents would refuse that
    // size.
    return readLayer(verifyStream(await getStream(services.objects, key), layer), module);
  }

  const upload = new PassThrough();
  const stored = putStream(services.objects, key, upload);
  // The upload is awaited below. Until then its failure must not count as unhandled.
  let failed: unknown;

  stored.catch((error) => {
    failed = error;
    upload.destroy();
  });

  try {
    const read = await readVerified(client.getBlob(repository, layer), (blob) =>
      readLayer(copyTo(upload, blob), module),
    );
    upload.end();
    await stored;
    return read;
  } catch (error) {
    upload.destroy(error as Error);
    await stored.catch(() => undefined);
    // The first failure was in S3, and the others followed from it.
    throw error instanceof UploadEnded ? failed : error;
  }
}

function readLayer(
  source: AsyncIterable<Uint8Array>,
  { allow_devices: allowDevices }: Pick<Module, 'allow_devices'>,
): Promise<StoredLayer> {
  return readWithOutside(source, { allowDevices });
}

class UploadEnded extends Error {}

/**
 * Yields the chunks of a source, and writes each to a sink as well, at the pace of the slower
 * reader.
 */
async function* copyTo(
  sink: PassThrough,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (sink.destroyed) throw new UploadEnded();
    if (!sink.write(chunk)) await waitForDrain(sink);
    yield chunk;
  }
}

/**
 * Waits until a stream accepts more or ends. Removes its listeners, because a large layer waits
 * thousands of times.
 */
function waitForDrain(sink: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      sink.off('drain', done).off('close', done);
      resolve();
    };
    sink.on('drain', done).on('close', done);
  });
}
