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
import { rawMember, tarEnd } from '../../support/tar-archive.ts';

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
      'has the root of its last layer that has one',
      [[rawMember({ name: './', type: '5', mode: '0000700\0' })]],
      ['/'],
    ],
  ])('%s', async (_what, layers, paths) => {
    expect(await pathsOf(layers)).toEqual(paths);
  });

  test.each<[string, ErrorCode, Layers]>([
    [
      'a file beneath a symlink of a lower layer',
      'tar_path_through_symlink',
      [[symlink('a', '/etc')], [file('a/passwd')]],
    ],
    [
      'a file beneath a symlink that a later layer removes',
      'tar_path_through_symlink',
      [[symlink('a', '/etc')], [file('a/x')], [whiteout('.wh.a')]],
    ],
    ['a file without its directory', 'tar_missing_parent', [[file('a/x')]]],
    [
      'a file below a directory that its layer hides',
      'tar_missing_parent',
      [[directory('a')], [whiteout('.wh.a'), file('a/x')]],
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
      'a hard link to a symlink',
      'tar_hardlink_invalid',
      [[symlink('b', '/etc/shadow')], [hardLink('a', 'b')]],
    ],
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
