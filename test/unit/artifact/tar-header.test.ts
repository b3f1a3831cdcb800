import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeHeader, encodeHeader } from '../../../shared/artifact/tar-header.ts';
import { rawHeader } from '../../support/tar-archive.ts';

const code = (block: Buffer) => {
  try {
    decodeHeader(block, 0);
    return 'accepted';
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe('tar headers', () => {
  test('what is encoded decodes to the same fields', () => {
    const text = fc
      .string({ unit: 'binary-ascii', maxLength: 100 })
      .filter((name) => !name.includes('\0'));
    const seven = fc.integer({ min: 0, max: 0o7777777 });
    const eleven = fc.integer({ min: 0, max: 0o77777777777 });

    const header = fc.record({
      name: text.map((name) => Buffer.from(name)),
      linkName: text.map((name) => Buffer.from(name)),
      typeflag: fc.constantFrom('0', '1', '2', '3', '4', '5', '6', 'x'),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      uid: seven,
      gid: seven,
      size: eleven,
      mtime: eleven,
      devMajor: seven,
      devMinor: seven,
    });

    fc.assert(
      fc.property(header, (fields) => {
        expect(decodeHeader(encodeHeader(fields), 0)).toEqual(fields);
      }),
    );
  });

  test('GNU base-256 numbers are read, negative times too', () => {
    const block = rawHeader({ name: 'a' });
    Buffer.from('80000000000000ff', 'hex').copy(block, 108);
    Buffer.from('fffffffffffffffffffffffe', 'hex').copy(block, 136);
    block.write('        ', 148);

    block.write(
      `${block
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );

    const header = decodeHeader(block, 0);
    expect(header.uid).toBe(255);
    expect(header.mtime).toBe(-2);
  });

  test.each([
    ['a wrong checksum', { checksum: '000000\0 ' }],
    ['digits that are not octal', { size: '00000000009\0' }],
    ['a sign', { size: '-0000000001\0' }],
    ['text behind a number', { mode: '644 abc\0' }],
    ['a negative base-256 size', { size: Buffer.alloc(12, 0xff) }],
    ['a base-256 size beyond 2^53', { size: Buffer.from('800000ffffffffffffffffff', 'hex') }],
    ['an unknown magic', { magic: 'ustar\x0001' }],
    ['no magic, as before POSIX', { magic: '\0'.repeat(8) }],
    ['bytes behind the NUL of a name', { name: 'a\0b' }],
  ])('%s is refused', (_what, fields) => {
    expect(code(rawHeader({ name: 'a', ...fields }))).toBe('tar_malformed');
  });

  test('the prefix of a ustar header leads the name; a GNU header has times there', () => {
    expect(decodeHeader(rawHeader({ name: 'b', prefix: 'a' }), 0).name.toString()).toBe('a/b');
    expect(
      decodeHeader(
        rawHeader({ name: 'b', prefix: '14524770532\0', magic: 'ustar  \0' }),
        0,
      ).name.toString(),
    ).toBe('b');
  });
});
