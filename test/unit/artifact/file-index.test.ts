import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeFileIndex, encodeFileIndex } from '../../../shared/artifact/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import { entry } from '../composition/factory.ts';

const entries: TreeEntry[] = [
  entry('/', 'directory'),
  entry('/etc/motd', 'file', { xattrs: { 'user.a': 'Yg==' }, offset: 512 }),
  entry('/etc/link', 'symlink', { target: 'motd' }),
];

const stored = (json: unknown) => gzipSync(JSON.stringify(json));

describe('a file index', () => {
  it.each([0, 1, 3, 1000, 2001])('of %i entries is read as it was written', async (count) => {
    const many = Array.from({ length: count }, (_, index) => entry(`/f${index}`, 'file'));
    expect(await decodeFileIndex(await encodeFileIndex(many))).toEqual({ entries: many });
  });

  it('keeps every attribute of its entries', async () => {
    expect(await decodeFileIndex(await encodeFileIndex(entries))).toEqual({ entries });
  });

  it('keeps the outside bytes of its layer', async () => {
    const outside = Buffer.from('outside');
    expect(await decodeFileIndex(await encodeFileIndex(entries, outside))).toEqual({
      entries,
      outside,
    });
  });

  it('of the first format is read, without outside bytes', async () => {
    expect(await decodeFileIndex(stored({ format: 1, entries }))).toEqual({ entries });
  });

  it('is refused when it unpacks to more than the reader has memory for', async () => {
    const bytes = stored({ format: 1, entries });
    const { length } = JSON.stringify({ format: 1, entries });

    expect(await decodeFileIndex(bytes, length)).toEqual({ entries });
    await expect(decodeFileIndex(bytes, length - 1)).rejects.toMatchObject({
      code: 'io_error',
      message: `expected a file index, found more than ${length - 1} bytes`,
    });
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['is empty', new Uint8Array(), /found no gzip$/],
    ['is not compressed', Buffer.from('[]'), /found no gzip$/],
    ['is not JSON', gzipSync('['), /bytes that are not JSON$/],
    ['is a bare list', stored(entries), /the document is wrong/],
    ['has another format', stored({ format: 3, entries }), /of format 1 or 2, found 3$/],
    [
      'has outside bytes that are not base64',
      stored({ format: 2, entries, outside: '%' }),
      /; outside is wrong/,
    ],
    ['has no entries', stored({ format: 1 }), /; entries is wrong/],
    ['has a foreign key', stored({ format: 1, entries, more: 1 }), /more/],
    [
      'has an entry of an unknown type',
      stored({ format: 1, entries: [{ ...entries[0], type: 'socket' }] }),
      /; entries\.0\.type is wrong/,
    ],
    [
      'has a mode that is not an integer',
      stored({ format: 1, entries: [{ ...entries[0], mode: 1.5 }] }),
      /; entries\.0\.mode is wrong/,
    ],
  ])('that %s is refused', async (_, bytes, message) => {
    await expect(decodeFileIndex(bytes)).rejects.toMatchObject({
      code: 'io_error',
      message: expect.stringMatching(message),
    });
  });

  it('that lost its end is refused', async () => {
    const whole = await encodeFileIndex(entries);
    await expect(decodeFileIndex(whole.subarray(0, -9))).rejects.toMatchObject({
      code: 'io_error',
    });
    const json = gunzipSync(whole).subarray(0, -1);
    await expect(decodeFileIndex(gzipSync(json))).rejects.toMatchObject({ code: 'io_error' });
  });
});
