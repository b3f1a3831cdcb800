import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readBytes, selectFiles, toBytes } from '../../../shared/files/index.ts';

describe('bytes read as text', () => {
  test('give the same bytes again', () => {
    const pieces = fc.oneof(fc.uint8Array(), fc.string().map(Buffer.from));
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        const bytes = Buffer.concat(parts);
        expect(toBytes(readBytes(bytes))).toEqual(bytes);
      }),
    );
  });

  test('are the text that they encode, where they are UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(readBytes(Buffer.from(text))).toBe(text);
        expect(toBytes(text)).toEqual(Buffer.from(text));
      }),
    );
  });

  // vbatts/tar-split#18, moby/moby#16516: names in ISO 8859-1.
  test('match globs byte by byte, as rsync matches them', () => {
    const latin1 = readBytes(Buffer.from('/usr/caf\xe9', 'latin1'));
    const utf8 = '/usr/café';
    const select = (file_spec: string[]) =>
      selectFiles([latin1, utf8], { file_spec, mask: [] }).map((path) => path.isWellFormed());

    expect(select(['/usr/caf?'])).toEqual([false]);
    expect(select(['/usr/caf??'])).toEqual([true]);
    expect(select(['/usr/café'])).toEqual([true]);
    expect(select(['/usr/*'])).toHaveLength(2);
  });
});
