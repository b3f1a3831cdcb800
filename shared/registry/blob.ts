import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { backoff } from '../base/backoff.ts';
import { GantryError, isGantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { type HttpResponse, networkError, readWhole } from './transport.ts';

/** The digest and size that a blob must have. */
export interface ExpectedBlob {
  /** `sha256:<hex>` */
  digest: string;
  size: number;
}

/**
 * Passes on the bytes of a blob while hashing and counting them. The digest is known only at the
 * end, so a consumer must not rely on the bytes until the iteration has ended without an error.
 * @throws GantryError `blob_size_mismatch`, `blob_digest_mismatch` (at the end), and transport
 * errors
 */
export async function* verifyStream(
  source: AsyncIterable<Uint8Array>,
  { digest, size }: ExpectedBlob,
) {
  const hash = createHash('sha256');
  for await (const chunk of countStream(source, size, digest)) {
    hash.update(chunk);
    yield chunk;
  }

  requireDigest(digest, hash.digest('hex'));
}

function requireDigest(expected: string, hex: string): void {
  const found = `sha256:${hex}`;
  if (found === expected) return;

  const message = `expected a blob of digest ${expected}, found ${found}`;
  throw new GantryError('blob_digest_mismatch', message, { expected, found });
}

/**
 * Reads a stream that verifies itself at its end. Where the reader refuses the bytes before, the
 * rest is read too, because the verdict of the stream comes first: what a registry or a proxy
 * altered is no fault of the author's.
 */
export async function readVerified<T>(
  source: AsyncIterable<Uint8Array>,
  read: (source: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const iterator = source[Symbol.asyncIterator]();
  let failed: unknown;
  const next = async () => {
    try {
      return await iterator.next();
    } catch (error) {
      failed ??= error;
      throw error;
    }
  };

  try {
    // Without `return`, a reader that stops does not end the source.
    return await read({ [Symbol.asyncIterator]: () => ({ next }) });
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    while (failed === undefined && (await next()).done !== true);
    throw failed ?? error;
  } finally {
    await iterator.return?.();
  }
}

/** Passes on bytes and requires exactly `size` of them. @throws GantryError `blob_size_mismatch` */
export async function* countStream(
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
 * Reopens a stream at the position where it broke off. Only failures of the connection are retried,
 * and each retry waits longer.
 * @param open opens the stream at an offset
 */
export async function* resumeStream(
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
      // Before the first byte a retry of the caller costs as little.
      const begun = position > offset;
      const passing = isGantryError(
        error,
        'registry_unreachable',
        'registry_timeout',
        'registry_error',
      );

      if (!begun || !passing || attempt === limits.blobResumesMax) throw error;
      await sleep(
        backoff({ attempt, base: limits.blobResumeWaitMs, cap: limits.blobResumeWaitMaxMs }),
      );
    }
  }
}

/**
 * Reads the body of a response from byte `skip` on. Failures of the network become GantryErrors.
 */
export async function* readBody(answer: HttpResponse, skip = 0): AsyncGenerator<Uint8Array> {
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

/**
 * Reads and verifies the whole body of a small blob.
 * @throws GantryError as `verifyStream`
 */
export async function readWholeBlob(
  answer: HttpResponse,
  { digest, size }: ExpectedBlob,
): Promise<Uint8Array> {
  const bytes = await readWhole(answer, size, (found) =>
    sizeError(digest, size, found, 'at least '),
  ).catch((error) => {
    throw networkError(error, answer.url.host);
  });
  if (bytes.length !== size) throw sizeError(digest, size, bytes.length);

  requireDigest(digest, createHash('sha256').update(bytes).digest('hex'));
  return bytes;
}

/** The error for a stream or a `Content-Length` of the wrong size. */
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
