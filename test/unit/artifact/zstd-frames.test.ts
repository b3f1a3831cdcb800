import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createZstdDecompress, constants as zlib, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { zstdFrames } from '../../../shared/artifact/index.ts';

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Unpacks a stream that arrives in chunks of one size. */
function unpack(bytes: Buffer, size: number): Promise<Buffer> {
  return buffer(Readable.from(zstdFrames(inChunks(bytes, size))).pipe(createZstdDecompress()));
}

function skippable(content: string): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50 + (content.length % 16), 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, Buffer.from(content)]);
}

const plain = [65, 66, 67].map((letter) => Buffer.alloc(100_000, letter));
const [a, b, c] = plain.map((bytes) => zstdCompressSync(bytes)) as [Buffer, Buffer, Buffer];

describe('a zstd stream (reports zstd-chunked: nodejs/node#64741, containers’ zstd:chunked)', () => {
  test.each<[string, Buffer, Buffer]>([
    ['one frame', a, plain[0] as Buffer],
    ['three frames', Buffer.concat([a, b, c]), Buffer.concat(plain)],
    [
      'skippable frames first, between and last',
      Buffer.concat([
        skippable('x'),
        a,
        skippable(''),
        skippable('metadata'),
        b,
        c,
        skippable('y'),
      ]),
      Buffer.concat(plain),
    ],
  ])('of %s unpacks to all its bytes, however it is cut', async (_what, packed, expected) => {
    for (const size of [1, 3, 7, 1000, packed.length])
      expect((await unpack(packed, size)).equals(expected)).toBe(true);
  });

  test('of frames of every form unpacks to all their bytes', async () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.tuple(fc.nat(255), fc.nat(400_000)).map(([byte, size]) => Buffer.alloc(size, byte)),
    );
    const frame = fc.record({
      content: content.map((bytes) => Buffer.from(bytes)),
      checksum: fc.boolean(),
      sized: fc.boolean(),
      skipped: fc.string({ maxLength: 20, unit: 'binary-ascii' }),
    });

    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 70_000 }),
        async (frames, size) => {
          const packed = frames.flatMap((one) => [
            skippable(one.skipped),
            zstdCompressSync(one.content, {
              params: {
                [zlib.ZSTD_c_checksumFlag]: one.checksum ? 1 : 0,
                [zlib.ZSTD_c_contentSizeFlag]: one.sized ? 1 : 0,
              },
            }),
          ]);
          const expected = Buffer.concat(frames.map((one) => one.content));
          expect((await unpack(Buffer.concat(packed), size)).equals(expected)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each([
    ['is cut in a frame', Buffer.concat([a, b.subarray(0, -1)])],
    ['is cut in a magic number', Buffer.concat([a, b.subarray(0, 3)])],
    ['has other bytes behind a frame', Buffer.concat([a, Buffer.from('garbage')])],
    ['is none', Buffer.from('no zstd at all')],
  ])('that %s is an error of the decoder', async (_what, packed) => {
    for (const size of [1, packed.length]) await expect(unpack(packed, size)).rejects.toThrow();
  });
});
