import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { GantryError } from '../../../shared/base/error.ts';
import { readVerified, verifyStream } from '../../../shared/registry/index.ts';

const bytes = Buffer.alloc(1_000_000, 'a page of a login ');
const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function* chunksOf(content: Buffer) {
  for (let at = 0; at < content.length; at += 64_000) yield content.subarray(at, at + 64_000);
}

const blobOf = (content: Buffer) => verifyStream(chunksOf(content), { digest, size: bytes.length });
const altered = Buffer.from(bytes).fill('x', 999_000);

/** Refuses the first chunk, as a reader of tar archives does. */
async function refuseFirst(source: AsyncIterable<Uint8Array>): Promise<never> {
  for await (const chunk of source)
    throw new GantryError('tar_malformed', `expected a header, found ${chunk.length} bytes`);
  throw new Error('expected a chunk');
}

describe('a stream that verifies itself', () => {
  test('gives what its reader read', async () => {
    const length = await readVerified(blobOf(bytes), async (source) => {
      let read = 0;
      for await (const chunk of source) read += chunk.length;
      return read;
    });
    expect(length).toBe(bytes.length);
  });

  test('is the author’s fault only if it has the bytes that the author signed', async () => {
    await expect(readVerified(blobOf(bytes), refuseFirst)).rejects.toMatchObject({
      code: 'tar_malformed',
    });
    await expect(readVerified(blobOf(altered), refuseFirst)).rejects.toMatchObject({
      code: 'blob_digest_mismatch',
    });
    await expect(readVerified(blobOf(bytes.subarray(1)), refuseFirst)).rejects.toMatchObject({
      code: 'blob_size_mismatch',
    });
  });

  test('tells its own failure also where a pipeline reads ahead', async () => {
    const unpack = async (source: AsyncIterable<Uint8Array>) => {
      await pipeline(source, createGunzip()).catch((cause) => {
        throw new GantryError('artifact_invalid', 'expected gzip', { cause });
      });
    };
    await expect(readVerified(blobOf(altered), unpack)).rejects.toMatchObject({
      code: 'blob_digest_mismatch',
    });
    await expect(readVerified(blobOf(bytes), unpack)).rejects.toMatchObject({
      code: 'artifact_invalid',
    });
  });

  test('ends without reading on where the error is none of its bytes', async () => {
    let ended = false;
    async function* endless() {
      try {
        for (;;) yield bytes;
      } finally {
        ended = true;
      }
    }

    const read = readVerified(endless(), async (source) => {
      await source[Symbol.asyncIterator]().next();
      throw new Error('the store failed');
    });
    await expect(read).rejects.toThrow('the store failed');
    expect(ended).toBe(true);
  });
});
