import { PassThrough } from 'node:stream';
import { type ModuleTar, readModuleTar } from '../../artifact/index.ts';
import type { Module } from '../../domain/modules/index.ts';
import { type Descriptor, type RegistryClient, verifyStream } from '../../registry/index.ts';
import { getStream, objectKeys, putStream, renew } from '../../store/objects.ts';
import type { Services } from '../context/index.ts';

/**
 * Streams the layer from the registry to S3 and through the archive's checks at once; nothing is kept whole. The stream
 * ends in an error when digest or size are not the stated ones, and then no object comes to be. Afterwards the object is
 * young (see `renew`), so that the caller may name it.
 */
export async function takeLayer(
  services: Services,
  module: Pick<Module, 'account' | 'allow_devices'>,
  client: RegistryClient,
  repository: string,
  layer: Descriptor,
): Promise<ModuleTar> {
  const key = objectKeys.artifact(module.account, layer.digest);
  const options = { allowDevices: module.allow_devices };
  if (await renew(services.objects, key, services.now())) {
    // Another manifest may state another size for the same bytes, which agents would refuse.
    return readModuleTar(verifyStream(await getStream(services.objects, key), layer), options);
  }
  const upload = new PassThrough();
  const stored = putStream(services.objects, key, upload);
  // Both are awaited below; until then a failed upload must not count as unhandled.
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
    // When S3 failed first, that is why the rest did.
    throw error instanceof UploadEnded ? failed : error;
  }
}

class UploadEnded extends Error {}

/** Passes chunks on and writes each to a stream as well, at the pace of the slower reader. */
async function* copyTo(
  sink: PassThrough,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (sink.destroyed) throw new UploadEnded();
    if (!sink.write(chunk)) {
      await drained(sink);
    }
    yield chunk;
  }
}

/** Until a stream takes more, or is over; leaves no listener behind, since a large layer waits thousands of times. */
function drained(sink: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      sink.off('drain', done).off('close', done);
      resolve();
    };
    sink.on('drain', done).on('close', done);
  });
}
