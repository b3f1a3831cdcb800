import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GantryError, isGantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { type HttpResponse, networkError } from './transport.ts';

/** What a blob must turn out to be. */
export interface ExpectedBlob {
  /** `sha256:<hex>` */
  digest: string;
  size: number;
}

/**
 * Passes a blob's bytes on while hashing and counting them. Bytes are handed out before the digest is known, so a
 * consumer must not act on them for good until the iteration has ended without an error.
 * @throws GantryError `blob_size_mismatch`, `blob_digest_mismatch` at the end at the latest, and transport errors
 */
export async function* verifiedStream(
  source: AsyncIterable<Uint8Array>,
  { digest, size }: ExpectedBlob,
) {
  const hash = createHash('sha256');
  for await (const chunk of countedStream(source, size, digest)) {
    hash.update(chunk);
    yield chunk;
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== digest) {
    throw new GantryError(
      'blob_digest_mismatch',
      `expected a blob of digest ${digest}, found ${found}`,
      {
        expected: digest,
        found,
      },
    );
  }
}

/** Passes bytes on and demands exactly `size` of them. @throws GantryError `blob_size_mismatch` */
export async function* countedStream(
  source: AsyncIterable<Uint8Array>,
  size: number,
  digest: string,
) {
  let count = 0;
  for await (const chunk of source) {
    count += chunk.length;
    if (count > size) throw sizeError(digest, size, count, 'at least ');
    yield chunk;
  }
  if (count !== size) throw sizeError(digest, size, count);
}

/**
 * A stream that is opened again where it broke off. Only failures of the way are worth it; each attempt waits longer.
 * @param open the bytes from an offset on
 */
export async function* resumed(
  offset: number,
  open: (from: number) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let position = offset;
  for (let attempt = 0; ; attempt++) {
    try {
      for await (const chunk of open(position)) {
        position += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      // Before the first byte there is nothing to save: the caller's own retry costs as little.
      const begun = position > offset;
      const passing = isGantryError(
        error,
        'registry_unreachable',
        'registry_timeout',
        'registry_error',
      );
      if (!begun || !passing || attempt === limits.blobResumesMax) throw error;
      await sleep(limits.blobResumeWaitMs * 2 ** attempt);
    }
  }
}

/** An answer's body as bytes, with failures of the network as GantryErrors, starting `skip` bytes in. */
export async function* bodyStream(answer: HttpResponse, skip = 0): AsyncGenerator<Uint8Array> {
  let left = skip;
  try {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      if (left >= chunk.length) {
        left -= chunk.length;
        continue;
      }
      const bytes = left === 0 ? chunk : chunk.subarray(left);
      left = 0;
      yield bytes;
    }
  } catch (error) {
    throw networkError(error, answer.url.host);
  }
}

/** The size error that a stream or a `Content-Length` gives rise to. */
export function sizeError(
  digest: string,
  expected: number,
  found: number,
  qualifier = '',
): GantryError {
  return new GantryError(
    'blob_size_mismatch',
    `expected ${expected} bytes of blob ${digest}, found ${qualifier}${found}`,
    { expected, found },
  );
}
