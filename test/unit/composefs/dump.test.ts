import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DumpReader, parseDump } from '../../../shared/composefs/dump.ts';
import { formatDump } from '../../../shared/composefs/dump-format.ts';
import { imageOfTree } from '../../../shared/composefs/image.ts';
import type { ComposefsNode } from '../../../shared/composefs/node.ts';
import { cpuMs } from '../../support/cpu.ts';
import { dumpOf, imageCases } from './fixtures.ts';
import { tree } from './trees.ts';

const root = '/ 4096 40755 2 0 0 0 1700000000.5 - - -';

function read(...lines: string[]): ComposefsNode {
  return parseDump(Buffer.from(`${lines.join('\n')}\n`, 'latin1'));
}

describe('parseDump', () => {
  it.each(imageCases)('reads $name so that formatDump gives its bytes back', ({ name: dump }) => {
    expect(Buffer.from(formatDump(parseDump(dumpOf(dump)))).equals(dumpOf(dump))).toBe(true);
  });

  it('is undone by formatDump', () => {
    fc.assert(
      fc.property(tree, (top) => {
        const dump = formatDump(top);
        const again = parseDump(dump);
        expect(Buffer.from(formatDump(again)).equals(dump)).toBe(true);
        expect(imageOfTree(again).digest).toBe(imageOfTree(top).digest);
      }),
      { numRuns: 100 },
    );
  });

  it('reads the same tree however the bytes are cut', () => {
    const dump = dumpOf('kinds');
    const whole = Buffer.from(formatDump(parseDump(dump)));

    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 3 }), (sizes) => {
        const reader = new DumpReader();
        const buffer = Buffer.alloc(700);

        for (let at = 0, turn = 0; at < dump.length; turn++) {
          const size = sizes[turn % sizes.length] as number;
          // One buffer for all pieces, as the command line reads files.
          const piece = buffer.subarray(0, Math.min(size, dump.length - at));

          piece.set(dump.subarray(at, at + piece.length));
          reader.push(piece);
          at += piece.length;
        }

        expect(Buffer.from(formatDump(reader.end())).equals(whole)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('accepts a last line without newline, children in any order, and slashes that repeat', () => {
    const lines = [root, '//b 0 100644 1 0 0 0 0.0 - - -', 'a 0 100644 1 0 0 0 0.0 - - -'];
    const top = parseDump(Buffer.from(lines.join('\n')));
    expect(top.children.map((child) => child.name)).toEqual(['a', 'b']);
  });

  it('lets hard links share the inode of a target that comes later', () => {
    const top = read(root, '/a 0 @100644 1 0 0 0 0.0 /b - -', '/b 3 100644 2 0 0 0 0.0 - abc -');
    expect(top.children[0]?.link).toBe(top.children[1]);
    expect(imageOfTree(top).digest).not.toBe(imageOfTree(read(root)).digest);
  });

  it.each([
    ['the link before', (i: number) => (i === 0 ? '/f' : `/l${i - 1}`)],
    ['the link behind', (i: number) => (i === 99_999 ? '/f' : `/l${i + 1}`)],
  ])(
    'reads 100,000 hard links that each point to %s as links to the file, in no time',
    (_, target) => {
      const links = Array.from(
        { length: 100_000 },
        (_, i) => `/l${i} 0 @100644 1 0 0 0 0.0 ${target(i)} - -`,
      );
      const started = cpuMs();
      const top = read(root, '/f 0 100644 1 0 0 0 0.0 - - -', ...links);

      expect(top.children.slice(1).every(({ link }) => link === top.children[0])).toBe(true);
      expect(Buffer.from(formatDump(top)).includes(' /f - -\n')).toBe(true);
      expect(cpuMs() - started).toBeLessThan(5000);
    },
  );

  const file = (fields: string) => `/f ${fields}`;
  const long = 'x'.repeat(256);

  const malformed: [why: string, line: number, lines: string[]][] = [
    ['an empty line', 2, [root, '', root]],
    ['too few fields', 2, [root, file('0 100644 1 0 0 0 0.0 - -')]],
    ['an empty path', 2, [root, ' 0 100644 1 0 0 0 0.0 - - -']],
    ['a second root', 2, [root, root]],
    ['a root that is a file', 1, ['/ 0 100644 1 0 0 0 0.0 - - -']],
    ['a file before the root', 1, [file('0 100644 1 0 0 0 0.0 - - -'), root]],
    ['a child before its parent', 2, [root, '/d/f 0 100644 1 0 0 0 0.0 - - -']],
    [
      'a file as a parent',
      3,
      [root, file('0 100644 1 0 0 0 0.0 - - -'), '/f/g 0 100644 1 0 0 0 0.0 - - -'],
    ],
    [
      'a directory twice',
      3,
      [root, '/d 0 40755 2 0 0 0 0.0 - - -', '/d 0 40755 2 0 0 0 0.0 - - -'],
    ],
    ['the name .', 2, [root, '/. 0 100644 1 0 0 0 0.0 - - -']],
    ['the name ..', 2, [root, '/.. 0 100644 1 0 0 0 0.0 - - -']],
    ['a trailing slash', 2, [root, '/d/ 0 40755 1 0 0 0 0.0 - - -']],
    ['a name of 256 bytes', 2, [root, `/${long} 0 100644 1 0 0 0 0.0 - - -`]],
    ['a size that is not a number', 2, [root, file('x 100644 1 0 0 0 0.0 - - -')]],
    ['a missing size', 2, [root, file(' 100644 1 0 0 0 0.0 - - -')]],
    ['a mode that is not octal', 2, [root, file('0 100648 1 0 0 0 0.0 - - -')]],
    ['a mode without type', 2, [root, file('0 644 1 0 0 0 0.0 - - -')]],
    ['an owner beyond 32 bits', 2, [root, file('0 100644 1 4294967296 0 0 0.0 - - -')]],
    ['a negative group', 2, [root, file('0 100644 1 0 -1 0 0.0 - - -')]],
    ['a time without nanoseconds', 2, [root, file('0 100644 1 0 0 0 0 - - -')]],
    ['a raw NUL', 2, [root, file('0 100644 1 0 0 0 0.0 - a\0b -')]],
    ['an escaped NUL in a path', 2, [root, '/a\\x00b 0 100644 1 0 0 0 0.0 - - -']],
    ['an unknown escape', 2, [root, '/a\\q 0 100644 1 0 0 0 0.0 - - -']],
    ['half an escape', 2, [root, '/a\\x4 0 100644 1 0 0 0 0.0 - - -']],
    ['a lone backslash', 2, [root, '/a\\ 0 100644 1 0 0 0 0.0 - - -']],
    ['content of another size', 2, [root, file('4 100644 1 0 0 0 0.0 - abc -')]],
    ['too much content', 2, [root, file(`5001 100644 1 0 0 0 0.0 - ${'x'.repeat(5001)} -`)]],
    ['a digest that is too short', 2, [root, file('65 100644 1 0 0 0 0.0 ab/cd - abcd')]],
    ['a file beyond 2^53 bytes', 2, [root, file('9500000000000000 100644 1 0 0 0 0.0 - - -')]],
    [
      'a directory whose size would be written with an exponent',
      2,
      [root, `/d 1${'0'.repeat(24)} 40755 2 0 0 0 0.0 - - -`],
    ],
    ['a symlink without target', 2, [root, file('0 120777 1 0 0 0 0.0 - - -')]],
    ['a target of 4096 bytes', 2, [root, file(`0 120777 1 0 0 0 0.0 ${'x'.repeat(4096)} - -`)]],
    ['an xattr without =', 2, [root, file('0 100644 1 0 0 0 0.0 - - - user.a')]],
    ['an xattr without name', 2, [root, file('0 100644 1 0 0 0 0.0 - - - =a')]],
    ['an xattr name of 256 bytes', 2, [root, file(`0 100644 1 0 0 0 0.0 - - - ${long}=a`)]],
    [
      'xattrs that do not fit',
      2,
      [root, file(`0 100644 1 0 0 0 0.0 - - - user.a=${'x'.repeat(32_760)}`)],
    ],
    ['a hard link without target', 2, [root, file('0 @100644 1 0 0 0 0.0 - - -')]],
    ['a hard link to nothing', 2, [root, file('0 @100644 1 0 0 0 0.0 /g - -')]],
    ['a hard link to itself', 2, [root, file('0 @100644 1 0 0 0 0.0 /f - -')]],
    ['a hard link to a directory', 2, [root, file('0 @100644 1 0 0 0 0.0 / - -')]],
    ['a directory as a hard link', 2, [root, file('0 @40755 1 0 0 0 0.0 / - -')]],
  ];

  it.each(malformed)('refuses %s and names line %i', (_, line, lines) => {
    expect(() => read(...lines)).toThrow(
      expect.objectContaining({
        code: 'dump_invalid',
        details: { line },
        message: expect.stringMatching(/expected .*found/),
      }),
    );
  });

  it('refuses a file twice, hard links in a circle, and a dump without files', () => {
    const invalid = expect.objectContaining({ code: 'dump_invalid' });
    const twice = '/f 0 100644 1 0 0 0 0.0 - - -';

    expect(() => read(root, twice, '/e 0 100644 1 0 0 0 0.0 - - -', twice)).toThrow(invalid);
    expect(() =>
      read(root, '/a 0 @100644 1 0 0 0 0.0 /b - -', '/b 0 @100644 1 0 0 0 0.0 /a - -'),
    ).toThrow(invalid);
    expect(() => parseDump(new Uint8Array())).toThrow(invalid);
  });

  it.each(imageCases)(
    'answers a tree or dump_invalid when bytes of $name are changed or cut off',
    ({ name: dump }) => {
      const bytes = dumpOf(dump).subarray(0, 20_000);
      const changes = fc.array(
        fc.tuple(
          fc.nat(bytes.length - 1),
          fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('0123456789 \\/=@-.\n\0'))),
        ),
        { minLength: 1, maxLength: 6 },
      );

      fc.assert(
        fc.property(changes, fc.option(fc.nat(bytes.length)), (places, cut) => {
          const changed = Uint8Array.from(bytes);
          for (const [at, byte] of places) changed[at] = byte;
          let top: ComposefsNode;
          try {
            top = parseDump(changed.subarray(0, cut ?? undefined));
          } catch (error) {
            expect(error).toMatchObject({ code: 'dump_invalid' });
            return;
          }

          expect(parseDump(formatDump(top))).toEqual(top);
        }),
        { numRuns: 60 },
      );
    },
  );

  it('refuses a line that never ends before it has filled the memory', () => {
    const reader = new DumpReader();
    const piece = Buffer.alloc(100_000, 'x');
    expect(() => {
      for (let i = 0; i < 100; i++) reader.push(piece);
    }).toThrow(expect.objectContaining({ code: 'dump_invalid' }));
  });
});
