import { describe, expect, test } from 'vitest';
import { TarParser } from '../../../shared/artifact/tar-parser.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { file, longName, symlink } from '../../support/hostile/members.ts';
import { paxMember, rawHeader, rawMember, tarEnd } from '../../support/tar-archive.ts';

interface Options {
  chunk?: number;
  mayBeOpen?: boolean;
}

/** Names and contents of an archive's members. */
function parse(members: Buffer[], { chunk, mayBeOpen = false }: Options = {}): string[] {
  const bytes = Buffer.concat(members);
  const parser = new TarParser();
  const found: string[] = [];
  let text = '';

  for (let at = 0; at < bytes.length; at += chunk ?? bytes.length) {
    for (const event of parser.push(bytes.subarray(at, at + (chunk ?? bytes.length)))) {
      if (event.kind === 'member') text = `${event.member.name} ${event.member.linkName}:`;
      else if (event.kind === 'data') text += event.bytes.toString();
      else found.push(text);
    }
  }

  parser.end({ mayBeOpen });
  return found;
}

const codeOf = (members: Buffer[], options?: Options): string => {
  try {
    parse(members, options);
    return 'accepted';
  } catch (error) {
    return String((error as { code?: string }).code);
  }
};

describe('a tar', () => {
  const members = [
    file('a', 'x'.repeat(600)),
    paxMember({ path: 'b', comment: 'c'.repeat(700) }),
    file('short', 'y'.repeat(512)),
    longName('K', 't'.repeat(700)),
    symlink('c', 'short'),
    file('d', ''),
    tarEnd,
    tarEnd,
  ];

  test.each([1, 100, 511, 512, 513, 700, 5000])('is read in chunks of %i bytes', (chunk) => {
    expect(parse(members, { chunk })).toEqual([
      `a :${'x'.repeat(600)}`,
      `b :${'y'.repeat(512)}`,
      `c ${'t'.repeat(700)}:`,
      'd :',
    ]);
  });

  test.each<[string, Buffer[], string]>([
    ['an empty file', [file('a', '')], 'accepted'],
    ['a file of whole blocks', [file('a', 'x'.repeat(512))], 'accepted'],
    ['a file and its padding', [file('a', 'x')], 'accepted'],
    ['nothing', [], 'accepted'],
    ['one block of zeros', [file('a'), Buffer.alloc(512)], 'accepted'],
    ['a comment for all entries', [rawMember({ type: 'g' }, '13 comment=a\n')], 'accepted'],
    ['a file without its padding', [file('a', 'x').subarray(0, 513)], 'tar_truncated'],
    ['a part of a header', [file('a', ''), Buffer.alloc(9)], 'tar_truncated'],
    ['a part of a file', [file('a', 'xyz').subarray(0, 514)], 'tar_truncated'],
    ['an extension', [paxMember({ path: 'a' })], 'tar_truncated'],
    ['a long name', [longName('L', 'a')], 'tar_truncated'],
    ['a long target', [longName('K', 'a')], 'tar_truncated'],
  ])('may stop behind %s only where it may be open', (_what, bytes, code) => {
    expect(codeOf(bytes, { mayBeOpen: true })).toBe(code);
    expect(codeOf(bytes)).toBe('tar_truncated');
  });

  test.each([1, 512])('of two zero blocks and %i bytes may not be open', (bytes) => {
    expect(codeOf([tarEnd, Buffer.alloc(bytes)], { mayBeOpen: true })).toBe(
      bytes === 512 ? 'accepted' : 'tar_truncated',
    );
  });

  test('that is cut says where', () => {
    expect(() => parse([file('a', '')])).toThrow(expect.objectContaining({ found: 512 }));
  });
});

describe('an extension of a tar', () => {
  const long = limits.pathBytesMax + 16;
  const extension = (type: string, body: Buffer | string) => [rawMember({ type }, body), file('a')];

  test.each<[string, Buffer[], string]>([
    ['a name of one byte', extension('L', 'x'), 'accepted'],
    ['the longest name', extension('L', 'x'.repeat(long)), 'accepted'],
    ['a longer name', extension('L', 'x'.repeat(long + 1)), 'tar_malformed'],
    ['the longest target', [longName('K', 'x'.repeat(long)), symlink('a', 'b')], 'accepted'],
    ['a longer target', [longName('K', 'x'.repeat(long + 1)), symlink('a', 'b')], 'tar_malformed'],
    [
      'the longest pax header',
      [paxMember({ comment: 'x'.repeat(limits.paxHeaderBytesMax - 17) }), file('a')],
      'accepted',
    ],
    [
      'a longer pax header',
      [paxMember({ comment: 'x'.repeat(limits.paxHeaderBytesMax - 16) }), file('a')],
      'tar_malformed',
    ],
    ['no bytes', extension('x', ''), 'tar_malformed'],
  ])('of %s is read or refused', (_what, members, code) => {
    expect(codeOf([...members, tarEnd])).toBe(code);
  });

  test('that is too long says what was expected and found', () => {
    const header = rawHeader({ type: 'L' }, long + 1);
    expect(() => parse([header])).toThrow(
      expect.objectContaining({ expected: long, found: long + 1 }),
    );
  });

  test.each(['name', 'name\0'])('may end its name with NUL or not: %j', (name) => {
    expect(parse([longName('L', name), file('a', ''), tarEnd])).toEqual(['name :']);
  });
});
