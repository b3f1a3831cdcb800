import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { flatEntries, flattenImage, ImageTree } from '../../../shared/artifact/index.ts';
import type { ErrorCode } from '../../../shared/base/error-codes.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { treeFromDirectory } from '../../../shared/composefs/directory.ts';
import { imageOfTree } from '../../../shared/composefs/image.ts';
import { composefsImage } from '../../../shared/composefs/index.ts';
import { directory, file, hardLink, symlink } from '../../support/hostile/members.ts';
import { paxMember, rawMember, tarEnd } from '../../support/tar-archive.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gantry-image-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Layers = Buffer[][];
const tarOf = (members: Buffer[]) => Buffer.concat([...members, tarEnd]);
const whiteout = (name: string) => file(name, '');

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function treeOf(layers: Layers, allowDevices = false) {
  const tree = new ImageTree({ allowDevices });
  for (const members of layers) await tree.addLayer(inChunks(tarOf(members), 700));
  return tree.placed();
}

const pathsOf = async (layers: Layers) => (await treeOf(layers)).map(({ entry }) => entry.path);

async function flat(layers: Layers, chunk = 700) {
  const placed = await treeOf(layers);
  const open = (layer: number) => inChunks(tarOf(layers[layer] ?? []), chunk);
  const bytes = Buffer.concat(await Array.fromAsync(flattenImage(placed, open)));
  return { bytes, entries: flatEntries(placed) };
}

describe('the tree of an image', () => {
  test.each<[string, Layers, string[]]>([
    [
      'has the files of all layers',
      [[directory('a'), file('a/x')], [file('a/y')]],
      ['/', '/a', '/a/x', '/a/y'],
    ],
    [
      'lacks what a whiteout hides',
      [[directory('a'), file('a/x'), file('a/y')], [whiteout('a/.wh.x')]],
      ['/', '/a', '/a/y'],
    ],
    [
      'lacks all below a hidden directory',
      [[directory('a'), directory('a/b'), file('a/b/x')], [whiteout('.wh.a')]],
      ['/'],
    ],
    [
      'hides with a whiteout only what lies in lower layers',
      [
        [directory('a'), file('a/x')],
        [whiteout('.wh.a'), directory('a'), file('a/y')],
      ],
      ['/', '/a', '/a/y'],
    ],
    [
      'does so too where the whiteout comes last',
      [
        [directory('a'), file('a/x')],
        [directory('a'), file('a/y'), whiteout('a/.wh..wh..opq')],
      ],
      ['/', '/a', '/a/y'],
    ],
    [
      'has what a still later layer brings back',
      [[file('x')], [whiteout('.wh.x')], [file('x')]],
      ['/', '/x'],
    ],
    ['takes a whiteout of nothing', [[directory('a')], [whiteout('a/.wh.none')]], ['/', '/a']],
    [
      'has a file in the place of a directory',
      [[directory('a'), file('a/x')], [file('a')]],
      ['/', '/a'],
    ],
    [
      'has a hard link in the place of a directory',
      [[file('f'), directory('a'), file('a/x')], [hardLink('a', 'f')]],
      ['/', '/a', '/f'],
    ],
    [
      'has a directory in the place of a symlink',
      [[symlink('a', '/etc')], [directory('a'), file('a/x')]],
      ['/', '/a', '/a/x'],
    ],
    [
      'has hard links across layers',
      [[file('x')], [hardLink('y', 'x'), hardLink('z', 'y')]],
      ['/', '/x', '/y', '/z'],
    ],
    [
      'has hard links to symlinks, of its own layer and across layers (libarchive#1044)',
      [[symlink('x', '/etc'), hardLink('y', 'x')], [hardLink('z', 'x')]],
      ['/', '/x', '/y', '/z'],
    ],
    [
      'has directories that no layer has an entry for (apple/container#1797)',
      [[file('app/lib/x')], [file('app/y')]],
      ['/', '/app', '/app/lib', '/app/lib/x', '/app/y'],
    ],
    [
      'has such a directory in the place of a hidden one',
      [
        [directory('a'), file('a/y')],
        [whiteout('.wh.a'), file('a/x')],
      ],
      ['/', '/a', '/a/x'],
    ],
    [
      'has a directory once that its layer has twice (rules_img#754)',
      [[directory('a'), file('a/x'), directory('a/')]],
      ['/', '/a', '/a/x'],
    ],
    [
      'has the root of its last layer that has one',
      [[rawMember({ name: './', type: '5', mode: '0000700\0' })]],
      ['/'],
    ],
  ])('%s', async (_what, layers, paths) => {
    expect(await pathsOf(layers)).toEqual(paths);
  });

  test.each<[string, ErrorCode, Layers]>([
    [
      'a file beneath a symlink of a lower layer (rules_oci#857)',
      'tar_path_through_symlink',
      [[symlink('a', '/etc')], [file('a/passwd')]],
    ],
    [
      'a file beneath a symlink that a later layer removes',
      'tar_path_through_symlink',
      [[symlink('a', '/etc')], [file('a/x')], [whiteout('.wh.a')]],
    ],
    [
      'a path without directories beneath a symlink',
      'tar_path_through_symlink',
      [[symlink('a', '/etc')], [file('a/b/c/x')]],
    ],
    [
      'a path without directories beneath a file',
      'tar_missing_parent',
      [[file('a')], [file('a/b/c/x')]],
    ],
    ['a file beneath a file', 'tar_missing_parent', [[file('a')], [file('a/x')]]],
    ['a path twice in a layer', 'tar_duplicate_entry', [[file('a'), file('./a')]]],
    [
      'a link and a file of one path',
      'tar_duplicate_entry',
      [[file('f')], [hardLink('a', 'f'), file('a')]],
    ],
    ['a hard link to nothing', 'tar_hardlink_invalid', [[hardLink('a', 'b')]]],
    [
      'a hard link to a file that its layer hides',
      'tar_hardlink_invalid',
      [[file('b')], [hardLink('a', 'b'), whiteout('.wh.b')]],
    ],
    [
      'a hard link to a directory',
      'tar_hardlink_invalid',
      [[directory('b')], [directory('c'), hardLink('a', 'b')]],
    ],
    [
      'a directory twice, with other extended attributes',
      'tar_duplicate_entry',
      [[directory('a'), paxMember({ 'SCHILY.xattr.user.a': 'x' }), directory('a')]],
    ],
    ['a directory, then a file of its path', 'tar_duplicate_entry', [[directory('a'), file('a')]]],
    ['a hard link to itself', 'tar_hardlink_invalid', [[hardLink('a', 'a')]]],
    ['a hard link to a later file', 'tar_hardlink_invalid', [[hardLink('a', 'b'), file('b')]]],
    ['a hard link out of the image', 'tar_path_traversal', [[hardLink('a', '../etc/shadow')]]],
    ['an absolute path', 'tar_path_absolute', [[file('/a')]]],
    ['a whiteout of ..', 'tar_entry_unexpected', [[directory('a'), whiteout('a/.wh...')]]],
    ['a whiteout of .', 'tar_entry_unexpected', [[directory('a'), whiteout('a/.wh..')]]],
    ['a whiteout without a name', 'tar_entry_unexpected', [[whiteout('.wh.')]]],
    ['a whiteout with content', 'tar_entry_unexpected', [[file('.wh.a', 'x')]]],
    ['a whiteout that is a symlink', 'tar_entry_unexpected', [[symlink('.wh.a', '/etc')]]],
    ['metadata of aufs', 'tar_entry_unexpected', [[directory('.wh..wh.plnk')]]],
    ['a device', 'tar_device_refused', [[rawMember({ name: 'null', type: '3' })]]],
    ['a root that is a file', 'tar_entry_unexpected', [[file('.')]]],
  ])('is refused with %s: %s', async (_what, code, layers) => {
    const error = await treeOf(layers).catch((reason) => reason);
    expect(error).toMatchObject({ code });
  });
});

test('a directory that no layer has is a plain one, and of two entries the later counts', async () => {
  const members = [
    file('app/lib/x'),
    directory('srv'),
    rawMember({ name: 'srv', type: '5', mode: '0000750\0', uid: '0000007\0' }),
  ];
  const entries = (await treeOf([members])).map(({ entry }) => entry);

  const root = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };
  expect(entries[1]).toMatchObject({ path: '/app', ...root });
  expect(entries[2]).toMatchObject({ path: '/app/lib', ...root });
  expect(entries[4]).toMatchObject({ path: '/srv', mode: 0o750, uid: 7 });
});

test('the directories that no layer has count as entries of the image', async () => {
  const deep = Array.from({ length: 300 }, (_, n) =>
    paxMember({ path: `${`${n}/`.repeat(1000)}x` }),
  );
  const tree = new ImageTree({ allowDevices: false, layerEntriesMax: 2000 });
  const tar = tarOf(deep.flatMap((name) => [name, file('x')]));
  await expect(tree.addLayer(inChunks(tar, 70_000))).rejects.toMatchObject({
    code: 'layer_entries_too_many',
  });
});

test.each([
  ['whiteouts', (name: number) => whiteout(`.wh.${name}`)],
  ['hard links to what comes later', (name: number) => hardLink(`${name}`, 'later')],
])('%s count as entries of the image', async (_what, member) => {
  const tree = new ImageTree({ allowDevices: false, layerEntriesMax: 200 });
  const tar = tarOf(Array.from({ length: 201 }, (__, name) => member(name)));
  await expect(tree.addLayer(inChunks(tar, 70_000))).rejects.toMatchObject({
    code: 'layer_entries_too_many',
  });
});

/** The tar of a program that never closes it, or has nothing to write (report image-layers). */
test.each([
  ['is empty', Buffer.alloc(0)],
  ['has no end', Buffer.concat([directory('app'), file('app/x')])],
  ['has half an end', Buffer.concat([directory('app'), file('app/x'), Buffer.alloc(512)])],
])('a layer that %s is read', async (_what, bytes) => {
  const tree = new ImageTree({ allowDevices: false });
  await tree.addLayer(inChunks(bytes, 700));
  expect(tree.placed()).toHaveLength(bytes.length === 0 ? 1 : 3);
});

test.each([
  ['in a content', Buffer.concat([directory('app'), file('app/x')]).subarray(0, -1)],
  ['in a header', Buffer.concat([directory('app'), file('app/x')]).subarray(0, 700)],
  ['behind pax records', paxMember({ mtime: '1' })],
  ['behind the end', Buffer.concat([tarEnd, Buffer.alloc(1)])],
])('a layer that is cut %s is refused', async (_what, bytes) => {
  const tree = new ImageTree({ allowDevices: false });
  await expect(tree.addLayer(inChunks(bytes, 700))).rejects.toMatchObject({
    code: 'tar_truncated',
  });
});

describe('a flattened image', () => {
  const layers: Layers = [
    [
      directory('app'),
      file('app/old', 'o'.repeat(5000)),
      file('app/kept', 'k'.repeat(2000)),
      symlink('bin', 'usr/bin'),
    ],
    [
      file('app/new', 'n'.repeat(600)),
      hardLink('app/twin', 'app/kept'),
      hardLink('app/zwilling', 'app/new'),
    ],
    [whiteout('app/.wh.old'), whiteout('app/.wh.kept'), file('app/empty', '')],
  ];

  test('is one tar that GNU tar extracts to the same tree, with its files where the index says', async () => {
    const { bytes, entries } = await flat(layers);
    const path = join(scratch, 'flat.tar');
    const into = mkdtempSync(join(scratch, 'x-'));

    writeFileSync(path, bytes);
    execFileSync('tar', [
      '--delay-directory-restore',
      '--numeric-owner',
      '-p',
      '-xf',
      path,
      '-C',
      into,
    ]);

    const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const mine = entries.map((entry) => ({ ...entry, ...own }));

    expect(composefsImage(mine).digest).toBe(imageOfTree(treeFromDirectory(into)).digest);
    expect(entries.map(({ path: name }) => name)).toEqual([
      '/',
      '/app',
      '/app/empty',
      '/app/new',
      '/app/twin',
      '/app/zwilling',
      '/bin',
    ]);

    for (const [name, letter] of [
      ['new', 'n'],
      ['zwilling', 'n'],
      ['twin', 'k'],
    ] as const) {
      const { offset = 0, size = 0 } = entries.find((entry) => entry.path === `/app/${name}`) ?? {};
      expect(bytes.toString('utf8', offset, offset + size)).toBe(letter.repeat(size));
    }
  });

  test('has the same bytes however its layers are cut, and reads back as itself', async () => {
    const { bytes, entries } = await flat(layers);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6000 }), async (chunk) => {
        expect((await flat(layers, chunk)).bytes.equals(bytes)).toBe(true);
      }),
      { numRuns: 20 },
    );

    const again = new ImageTree({ allowDevices: false });
    await again.addLayer(inChunks(bytes, 512));
    expect(again.placed().map(({ entry }) => entry)).toEqual(entries);
  });
});

test('the layers of an image together are bounded like one layer', async () => {
  const block = Buffer.alloc(64 * 1024 ** 2);
  async function* padding(bytes: number) {
    for (let sent = 0; sent < bytes; sent += block.length) yield block;
  }

  const tree = new ImageTree({ allowDevices: false });
  await tree.addLayer(padding(limits.layerBytesMax / 2));
  await tree.addLayer(padding(limits.layerBytesMax / 2));
  await expect(tree.addLayer(padding(1))).rejects.toMatchObject({
    code: 'layer_too_large',
    expected: limits.layerBytesMax,
  });
});
