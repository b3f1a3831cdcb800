import { PassThrough } from 'node:stream';
import { type ModuleTar, readModuleTar } from '../../artifact/index.ts';
import { type Descriptor, verifyStream } from '../../registry/index.ts';
import { getStream, objectKeys, putStream, refreshAge } from '../../store/objects.ts';
import type { IngestSource } from './ingest-source.ts';

/**
 * Stores a layer: streams it from the registry to S3 and, concurrently, through the archive's
 * checks. The layer is never in memory as a whole. A wrong digest or size ends the stream with an
 * error, and no object is created. A stored object is young (see `refreshAge`), so that the caller
 * may name it.
 */
export async function storeLayer(
  { services, module, client, repository }: IngestSource<'account' | 'allow_devices'>,
  layer: Descriptor,
): Promise<ModuleTar> {
  const key = objectKeys.artifact(module.account, layer.digest);
  const options = { allowDevices: module.allow_devices };
  if (await refreshAge(services.objects, key, services.now())) {
    // Another manifest may state a different size for the same bytes. Agents would refuse that
    // size.
    return readModuleTar(verifyStream(await getStream(services.objects, key), layer), options);
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
    const tar = await readModuleTar(copyTo(upload, client.getBlob(repository, layer)), options);
    upload.end();
    await stored;
    return tar;
  } catch (error) {
    upload.destroy(error as Error);
    await stored.catch(() => undefined);
    // The first failure was in S3, and the others followed from it.
    throw error instanceof UploadEnded ? failed : error;
  }
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
