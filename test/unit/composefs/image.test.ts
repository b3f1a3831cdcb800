import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDump } from '../../../shared/composefs/dump.ts';
import { composefsImage, imageOfTree } from '../../../shared/composefs/image.ts';
import { type ComposefsNode, fileType } from '../../../shared/composefs/node.ts';
import { readImage } from '../../../shared/composefs/read-image.ts';
import type { EntryType, TreeEntry } from '../../../shared/domain/files/index.ts';
import { dumpOf, entry, imageCases } from './fixtures.ts';

const types = new Map<number, EntryType>([
  [fileType.directory, 'directory'],
  [fileType.regular, 'file'],
  [fileType.symlink, 'symlink'],
  [fileType.character, 'character'],
  [fileType.block, 'block'],
  [fileType.fifo, 'fifo'],
]);

/** The entries that stand for the same tree as a dump. */
function entriesOf(root: ComposefsNode): TreeEntry[] {
  const out: TreeEntry[] = [];
  const add = (node: ComposefsNode, path: string) => {
    const text = (bytes: string) => Buffer.from(bytes, 'latin1').toString('utf8');
    const base64 = (bytes: string) => Buffer.from(bytes, 'latin1').toString('base64');
    const xattrs = Object.fromEntries(
      node.xattrs.map(({ name, value }) => [text(name), base64(value)]),
    );

    out.push({
      path: path === '' ? '/' : text(path),
      type: types.get(node.type) as EntryType,
      mode: node.mode & 0o7777,
      uid: node.uid,
      gid: node.gid,
      mtime: node.mtime,
      mtime_ns: node.mtimeNs,
      size: node.isDirectory ? 0 : node.size,
      ...(node.type === fileType.symlink ? { target: text(node.payload) } : {}),
      ...(node.type === fileType.character || node.type === fileType.block
        ? { rdev: node.rdev }
        : {}),
      ...(node.xattrs.length > 0 ? { xattrs } : {}),
      ...(node.content === '' ? {} : { content: base64(node.content) }),
      ...(node.digest === '' ? {} : { verity: node.digest }),
    });

    for (const child of node.children) add(child, `${path}/${child.name}`);
  };

  add(root, '');
  return out;
}

describe('imageOfTree', () => {
  it.each(imageCases)(
    'writes for the dump $name the bytes that mkcomposefs wrote (reports composefs#172, #175)',
    (wanted) => {
      const { image, digest } = imageOfTree(parseDump(dumpOf(wanted.name)));
      expect(image.length).toBe(wanted.image_size);
      expect(hash('sha256', image)).toBe(wanted.image_sha256);
      expect(digest).toBe(wanted.fsverity_digest);
    },
  );

  it('leaves the tree as it was, so that imaging again gives the same', () => {
    const root = parseDump(dumpOf('kinds'));
    expect(imageOfTree(root).digest).toBe(imageOfTree(root).digest);
  });
});

describe('composefsImage', () => {
  it.each(imageCases)('gives the digest of mkcomposefs for the entries of $name', (wanted) => {
    const entries = entriesOf(parseDump(dumpOf(wanted.name)));
    expect(entries).toHaveLength(wanted.entries);
    expect(composefsImage(entries).digest).toBe(wanted.fsverity_digest);
  });

  it('does not depend on the order of the entries', () => {
    const entries = entriesOf(parseDump(dumpOf('kinds')));
    const { digest } = composefsImage(entries);

    fc.assert(
      fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
        expect(composefsImage(shuffled).digest).toBe(digest);
      }),
      { numRuns: 30 },
    );
  });

  const root = entry({ path: '/', type: 'directory' });
  const verity = 'ab'.repeat(32);

  const refused: [why: string, entries: TreeEntry[]][] = [
    ['no root', [entry({ path: '/a', type: 'directory' })]],
    ['no entries', []],
    ['a root that is a file', [entry({ path: '/', type: 'file' })]],
    ['a missing ancestor', [root, entry({ path: '/a/b', type: 'file' })]],
    [
      'a file as a parent',
      [root, entry({ path: '/a', type: 'file' }), entry({ path: '/a/b', type: 'file' })],
    ],
    [
      'a path twice',
      [root, entry({ path: '/a', type: 'file' }), entry({ path: '/a', type: 'fifo' })],
    ],
    ['a relative path', [root, entry({ path: 'a', type: 'file' })]],
    ['a trailing slash', [root, entry({ path: '/a/', type: 'directory' })]],
    ['a path with ..', [root, entry({ path: '/..', type: 'directory' })]],
    ['a path that is not Unicode', [root, entry({ path: '/\ud800', type: 'file' })]],
    ['a name of 256 bytes', [root, entry({ path: `/${'ü'.repeat(128)}`, type: 'file' })]],
    ['a mode with a type', [root, entry({ path: '/a', type: 'file', mode: 0o100644 })]],
    ['a fraction of a second', [root, entry({ path: '/a', type: 'file', mtime: 1.5 })]],
    ['a small file without content', [root, entry({ path: '/a', type: 'file', size: 5, verity })]],
    [
      'content of another length',
      [root, entry({ path: '/a', type: 'file', size: 5, content: 'aGVsbG8h' })],
    ],
    ['a large file without digest', [root, entry({ path: '/a', type: 'file', size: 65 })]],
    ['a digest that is none', [root, entry({ path: '/a', type: 'file', size: 65, verity: 'xyz' })]],
    ['a symlink without target', [root, entry({ path: '/a', type: 'symlink' })]],
    [
      'a symlink that is too long',
      [root, entry({ path: '/a', type: 'symlink', target: 'x'.repeat(4096) })],
    ],
    ['a device without number', [root, entry({ path: '/a', type: 'block' })]],
    ['a nameless xattr', [root, entry({ path: '/a', type: 'file', xattrs: { '': '' } })]],
    [
      'more xattrs than fit',
      [
        root,
        entry({
          path: '/a',
          type: 'file',
          xattrs: { 'user.a': Buffer.alloc(32760).toString('base64') },
        }),
      ],
    ],
  ];

  it.each(refused)('refuses %s with tree_invalid', (_, entries) => {
    expect(() => composefsImage(entries)).toThrow(
      expect.objectContaining({ code: 'tree_invalid' }),
    );
  });

  it('refuses more attributes that files have in common than EROFS counts of one file', () => {
    const xattrs = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`user.a${i}`, 'eA==']));
    const twins = (count: number) =>
      ['/a', '/b'].map((path) => entry({ path, type: 'file', xattrs: xattrs(count) }));

    expect(readImage(composefsImage([root, ...twins(255)]).image).children[0]?.xattrs).toHaveLength(
      255,
    );
    expect(() => composefsImage([root, ...twins(256)])).toThrow(
      expect.objectContaining({
        code: 'tree_invalid',
        message: expect.stringContaining('at most 255'),
      }),
    );
  });

  it('gives the same digest to a symlink whose length another size claims', () => {
    const link = entry({ path: '/a', type: 'symlink', target: 'b' });
    expect(composefsImage([root, { ...link, size: 7 }]).digest).toBe(
      composefsImage([root, { ...link, size: 1 }]).digest,
    );
  });
});

it('writes the names that mkcomposefs keeps whole, though EROFS has an index for their prefix', () => {
  const root = parseDump(Buffer.from('/ 0 40755 2 0 0 0 0.0 - - - lustre.x=1\n'));
  // sha256 of the image that mkcomposefs 1.0.8 writes.
  expect(hash('sha256', imageOfTree(root).image)).toMatch(/^982225d8bd02c17d7f1c/);
});
