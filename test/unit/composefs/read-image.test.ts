import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GantryError } from '../../../shared/base/error.ts';
import { parseDump } from '../../../shared/composefs/dump.ts';
import { formatDump } from '../../../shared/composefs/dump-format.ts';
import { imageOfTree } from '../../../shared/composefs/image.ts';
import { ComposefsNode, fileType } from '../../../shared/composefs/node.ts';
import { isWhiteout } from '../../../shared/composefs/overlay-xattrs.ts';
import { readImage } from '../../../shared/composefs/read-image.ts';
import { cpuMs } from '../../support/cpu.ts';
import { dumpOf, imageCases } from './fixtures.ts';
import { tree } from './trees.ts';

const imageOfDump = (name: string) => imageOfTree(parseDump(dumpOf(name))).image;

/**
 * What an image does not keep of a tree: sizes and link counts of directories, and the order of
 * attributes.
 */
function comparable(node: ComposefsNode): unknown {
  const { name, mode, uid, gid, rdev, mtime, mtimeNs, payload, content, digest, link } = node;
  const xattrs = new Map(node.xattrs.map((xattr) => [xattr.name, xattr.value]));
  // Imaging marks directories with whiteouts, and as in composefs-info's dumps the marks stay.
  if (node.children.some(isWhiteout))
    xattrs.set('trusted.overlay.opaque', 'x').set('user.overlay.opaque', 'x');
  if (link) return { name, link: comparable(link) };

  return {
    ...{ name, mode, uid, gid, rdev, mtime, mtimeNs, payload, content, digest },
    ...(node.isDirectory ? {} : { size: node.size, nlink: node.nlink }),
    xattrs: [...xattrs].sort(),
    children: node.children.map(comparable),
  };
}

describe('readImage', () => {
  it.each(imageCases)('reads the image of $name back into its dump', ({ name }) => {
    expect(Buffer.from(formatDump(readImage(imageOfDump(name)))).equals(dumpOf(name))).toBe(true);
  });

  it.each(imageCases)(
    'reads the image of $name so that it is imaged to the same bytes',
    ({ name, fsverity_digest }) => {
      expect(imageOfTree(readImage(imageOfDump(name))).digest).toBe(fsverity_digest);
    },
  );

  it('undoes imageOfTree', () => {
    fc.assert(
      fc.property(tree, (top) => {
        const { image, digest } = imageOfTree(top);
        const again = readImage(image);
        expect(comparable(again)).toEqual(comparable(top));
        expect(imageOfTree(again).digest).toBe(digest);
      }),
      { numRuns: 200 },
    );
  });

  it('reads a large directory, a file of several blocks of attributes and content, and times before 1970', () => {
    const top = new ComposefsNode('', fileType.directory | 0o755);
    top.mtime = -5_000_000_000;

    for (let i = 0; i < 3000; i++) {
      const file = new ComposefsNode(
        `file-${String(i).padStart(6, '0')}`,
        fileType.regular | 0o600,
      );
      file.content = String.fromCharCode(i % 256).repeat(i % 5000);
      file.size = file.content.length;
      file.xattrs = [{ name: 'user.long', value: 'v'.repeat(i * 10) }];
      file.mtime = 0 - i;
      top.children.push(file);
    }

    expect(comparable(readImage(imageOfTree(top).image))).toEqual(comparable(top));
  });
});

/** A copy of an image with some numbers changed. */
function changed(image: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = Uint8Array.from(image);
  change(new DataView(copy.buffer));
  return copy;
}

const invalid = (sentence: RegExp) =>
  expect.objectContaining({ code: 'image_invalid', message: expect.stringMatching(sentence) });

describe('readImage, for bytes that are not an image,', () => {
  const image = imageOfDump('kinds');
  const rootAt = 32 * new DataView(image.buffer, image.byteOffset).getUint16(1024 + 14, true);

  const firstChild = (view: DataView) => {
    // The root of this tree has a block of its own; behind `.` and `..` come the store's whiteouts.
    const block = view.getUint32(rootAt + 16, true) * 4096;
    for (let at = block; ; at += 12) {
      const nameAt = block + view.getUint16(at + 8, true);
      if (
        view.getUint8(nameAt) === 0x61 &&
        view.getUint16(at + 20, true) - view.getUint16(at + 8, true) === 1
      )
        return at;
    }
  };

  const childAt = (view: DataView) => 32 * view.getUint32(firstChild(view), true);

  it.each<[string, RegExp, (view: DataView) => void]>([
    ['another header', /no composefs header in it/, (view) => view.setUint32(0, 1)],
    [
      'another version',
      /version of composefs' header to be 1/,
      (view) => view.setUint32(4, 2, true),
    ],
    ['another superblock', /EROFS' superblock to be/, (view) => view.setUint32(1024, 1)],
    ['other blocks', /bits of a block to be 12/, (view) => view.setUint8(1024 + 12, 9)],
    ['another length', /length in bytes to be/, (view) => view.setUint32(1024 + 36, 1, true)],
    [
      'a root beyond the end',
      /within 20480 bytes/,
      (view) => view.setUint16(1024 + 14, 0xffff, true),
    ],
    [
      'a root that is a file',
      /root to be a directory/,
      (view) => view.setUint16(rootAt + 4, 0o100644, true),
    ],
    ['no file type', /expected a file type/, (view) => view.setUint16(rootAt + 4, 0o644, true)],
    [
      'compressed data',
      /data layout 0 or 2, found 1/,
      (view) => view.setUint16(rootAt, 1 << 1, true),
    ],
    [
      'a directory beyond the end',
      /a directory within/,
      (view) => view.setUint32(rootAt + 16, 0xffff_ffff, true),
    ],
    [
      'a directory that is too large',
      /a directory within/,
      (view) => view.setUint32(rootAt + 8, 0x7fff_ffff, true),
    ],
    [
      'a size beyond 2^53',
      /size of a file of at most 2\^53/,
      (view) => view.setUint32(childAt(view) + 12, 0xffff_ffff, true),
    ],
    [
      'a directory that holds its parent',
      /each directory under one name/,
      (view) => view.setBigUint64(firstChild(view), BigInt(rootAt / 32), true),
    ],
    [
      'a name that is empty',
      /expected a name/,
      (view) =>
        view.setUint16(firstChild(view) + 8, view.getUint16(firstChild(view) + 20, true), true),
    ],
    [
      'names out of order',
      /in order/,
      (view) => {
        const block = view.getUint32(rootAt + 16, true) * 4096;
        view.setUint8(block + view.getUint16(firstChild(view) + 8, true), 0x7a);
      },
    ],
  ])('names %s', (_, sentence, change) => {
    expect(() => readImage(changed(image, change))).toThrow(invalid(sentence));
  });

  it('names a truncated image, and bytes that are not an image', () => {
    expect(() => readImage(image.subarray(0, image.length - 4096))).toThrow(
      invalid(/length in bytes/),
    );
    expect(() => readImage(new Uint8Array())).toThrow(invalid(/superblock within 0 bytes/));
    expect(() => readImage(Buffer.alloc(8192))).toThrow(invalid(/no composefs header/));
  });

  it('refuses one name twice in a directory', () => {
    const top = new ComposefsNode('', fileType.directory | 0o755);
    top.children.push(
      new ComposefsNode('aa', fileType.regular | 0o644),
      new ComposefsNode('ab', fileType.regular | 0o644),
    );
    const { image: two } = imageOfTree(top);
    const second = Buffer.from(two).indexOf('aaab') + 3;
    expect(second).toBeGreaterThan(3);

    const twice = changed(two, (view) => view.setUint8(second, 0x61));
    expect(() => readImage(twice)).toThrow(invalid(/in order and each once/));
  });

  it('names a place in the store that no dump could say', () => {
    const top = new ComposefsNode('', fileType.directory | 0o755);
    const file = new ComposefsNode('f', fileType.regular | 0o644);

    file.size = 100;
    file.payload = 'ab/cd\0ef';
    top.children.push(file);
    expect(() => readImage(imageOfTree(top).image)).toThrow(
      invalid(/payload of less than 4096 bytes without NUL/),
    );
  });

  it('stops where many directories share one block of names', () => {
    const top = new ComposefsNode('', fileType.directory | 0o755);
    for (let i = 0; i < 300; i++) {
      const directory = new ComposefsNode(`d${1000 + i}`, fileType.directory | 0o755);
      for (let j = 0; j < 180; j++)
        directory.children.push(new ComposefsNode(`f${1000 + j}`, fileType.regular | 0o644));
      top.children.push(directory);
    }

    const wide = imageOfTree(top).image;
    const started = cpuMs();

    const shared = changed(wide, (view) => {
      let first = 0;
      for (let at = 1024 + 128; at < wide.length; at += 32) {
        if (
          view.getUint16(at + 4, true) !== (fileType.directory | 0o755) ||
          view.getUint32(at + 8, true) !== 4096
        )
          continue;

        first ||= view.getUint32(at + 16, true);
        view.setUint32(at + 16, first, true);
        view.setUint32(at + 8, 4096 * 64, true);
      }
    });

    expect(() => readImage(shared)).toThrow(GantryError);
    expect(cpuMs() - started).toBeLessThan(5000);
  });

  it.each(imageCases)(
    'answers a tree or image_invalid when bytes of $name are changed or cut off',
    ({ name }) => {
      const whole = imageOfDump(name);
      const place = fc.oneof(fc.nat(whole.length - 1), fc.integer({ min: 1024, max: 4096 + 2048 }));
      const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0xff, 0x80));

      fc.assert(
        fc.property(
          fc.array(fc.tuple(place, byte), { minLength: 1, maxLength: 12 }),
          fc.option(fc.nat(whole.length / 4096 - 1)),
          (changes, blocks) => {
            const bytes = changed(whole, (view) => {
              for (const [at, value] of changes) view.setUint8(at % whole.length, value);
              if (blocks !== null) view.setUint32(1024 + 36, blocks, true);
            }).subarray(0, blocks === null ? undefined : blocks * 4096);
            const started = cpuMs();

            try {
              const top = readImage(bytes);
              formatDump(top);
              imageOfTree(top);
            } catch (error) {
              expect(error).toBeInstanceOf(GantryError);
              expect(['image_invalid', 'tree_invalid']).toContain((error as GantryError).code);
            }

            expect(cpuMs() - started).toBeLessThan(5000);
          },
        ),
        { numRuns: 100 },
      );
    },
  );
});
