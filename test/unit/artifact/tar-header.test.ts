import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeHeader,
  encodeHeader,
  isZero,
  octal7Max,
  octal11Max,
  paddingOf,
  quote,
} from '../../../shared/artifact/tar-header.ts';
import { type RawHeader, rawHeader } from '../../support/tar-archive.ts';

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

  test.each([
    ['digits in the middle', { mode: '0 1 0\0' }],
    ['text before a number', { mode: 'x000644\0' }],
    ['a space behind the NUL of a number, and text', { mode: '644 \0 x' }],
    ['bytes behind the NUL of a link name', { link: 'a\0b' }],
    ['bytes behind the NUL of a prefix', { prefix: 'a\0b' }],
    ['a base-256 size of 2^53', { size: Buffer.from('800000000020000000000000', 'hex') }],
    ['a negative base-256 owner', { uid: Buffer.alloc(8, 0xff) }],
    ['a negative base-256 group', { gid: Buffer.alloc(8, 0xff) }],
  ])('%s is refused too', (_what, fields) => {
    expect(code(rawHeader({ name: 'a', ...fields }))).toBe('tar_malformed');
  });

  test.each([
    ['a blank number as zero', { mode: '       \0' }, { mode: 0 }],
    ['a number behind and before blanks', { mode: '  644 \0' }, { mode: 0o644 }],
    ['no file type bits', { mode: '0100644\0' }, { mode: 0o644 }],
    [
      'a base-256 size of 2^53 - 1',
      { size: Buffer.from('80000000001fffffffffffff', 'hex') },
      { size: Number.MAX_SAFE_INTEGER },
    ],
    ['an old NUL for a regular file', { type: '\0' }, { typeflag: '0' }],
    ['a name of 100 bytes', { name: 'n'.repeat(100) }, { name: Buffer.alloc(100, 'n') }],
    ['a link name of 100 bytes', { link: 'l'.repeat(100) }, { linkName: Buffer.alloc(100, 'l') }],
  ])('%s is read', (_what, fields, expected) => {
    expect(decodeHeader(rawHeader({ name: 'a', ...fields }), 0)).toMatchObject(expected);
  });

  test('a refusal has what was expected and found', () => {
    const refused = (fields: RawHeader) => () => decodeHeader(rawHeader(fields), 512);
    expect(refused({ checksum: '000001\0 ' })).toThrow(
      expect.objectContaining({ expected: 3743, found: 1 }),
    );
    expect(refused({ magic: '\0'.repeat(8) })).toThrow(
      expect.objectContaining({ found: '\0'.repeat(8) }),
    );
    expect(refused({ mode: '0000009\0' })).toThrow(expect.objectContaining({ found: '0000009\0' }));
    expect(refused({ size: Buffer.alloc(12, 0xff) })).toThrow(
      expect.objectContaining({ found: -1 }),
    );
  });

  const fits = {
    name: Buffer.alloc(100, 'n'),
    linkName: Buffer.alloc(100, 'l'),
    typeflag: '2',
    mode: octal7Max,
    uid: octal7Max,
    gid: 0,
    size: octal11Max,
    mtime: 0,
    devMajor: 0,
    devMinor: 0,
  };
  test.each([
    ['a name of 101 bytes', { name: Buffer.alloc(101) }],
    ['an owner of eight digits', { uid: octal7Max + 1 }],
    ['a size of twelve digits', { size: octal11Max + 1 }],
    ['a negative time', { mtime: -1 }],
  ])('%s does not fit a header', (_what, fields) => {
    expect(encodeHeader(fits)).toHaveLength(512);
    expect(() => encodeHeader({ ...fits, ...fields })).toThrow(RangeError);
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

test.each([
  [0, 0],
  [1, 511],
  [511, 1],
  [512, 0],
  [513, 511],
])('content of %i bytes has %i bytes of padding', (size, padding) => {
  expect(paddingOf(size)).toBe(padding);
});

test.each([
  [0, -1, true],
  [1, -1, true],
  [1, 0, false],
  [65_536, 65_535, false],
  [65_537, 65_536, false],
  [200_000, -1, true],
  [200_000, 140_000, false],
  [200_000, 199_999, false],
])('%i bytes with a one at %i are zero: %s', (length, at, expected) => {
  const bytes = Buffer.alloc(length);
  if (at >= 0) bytes[at] = 1;
  expect(isZero(bytes)).toBe(expected);
});

test('text of an error is quoted up to 100 characters', () => {
  expect(quote('x'.repeat(100))).toBe(`"${'x'.repeat(100)}"`);
  expect(quote('x'.repeat(101))).toBe(`"${'x'.repeat(100)}…"`);
});
