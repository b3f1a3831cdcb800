import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import {
  contentsInOrder,
  decodeFileIndex,
  encodeFileIndex,
  type FileIndex,
  flatEntries,
  flattenImage,
  ImageTree,
  OutsideBytes,
  readWithOutside,
  rebuildLayer,
} from '../../../shared/artifact/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import { archiveWith, makeModuleFolder } from '../../support/archivers.ts';
import { directory, file, hardLink, symlink } from '../../support/hostile/members.ts';
import { type Requirement, requires } from '../../support/requirements.ts';
import { paxMember, rawModuleTar, tarEnd } from '../../support/tar-archive.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gantry-rebuild-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Reads a module tar as ingest does, and returns what is stored of its index. */
async function indexOf(tar: Buffer, chunk: number): Promise<FileIndex> {
  const read = await readWithOutside(inChunks(tar, chunk), { allowDevices: true });
  return decodeFileIndex(await encodeFileIndex(read.tar.entries, read.outside));
}

/** A machine's store: contents by their digest alone. */
function storeOf(tar: Buffer, entries: readonly TreeEntry[]): Map<string, Buffer> {
  return new Map(
    entries.map(({ verity = '', offset = 0, size }) => [
      verity,
      tar.subarray(offset, offset + size),
    ]),
  );
}

async function rebuilt(index: FileIndex, store: Map<string, Buffer>, chunk = 1000) {
  const stream = rebuildLayer(index, ({ verity = '' }) =>
    inChunks(store.get(verity) ?? Buffer.alloc(0), chunk),
  );
  return Buffer.concat(await Array.fromAsync(stream));
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('a layer that is rebuilt from its index and a store of files has the same bytes', () => {
  test('whatever it holds and however it was cut', async () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const member = fc.oneof(
      fc.tuple(name, fc.uint8Array({ maxLength: 2000 })).map(([at, bytes]) => (n: number) => [
        file(`rootfs/f${n}${at}`, Buffer.from(bytes)),
      ]),
      name.map((at) => (n: number) => [directory(`rootfs/d${n}${at}/`)]),
      name.map((target) => (n: number) => [symlink(`rootfs/s${n}`, target)]),
      fc.tuple(name, fc.uint8Array({ maxLength: 100 })).map(([at, bytes]) => (n: number) => [
        file(`rootfs/t${n}${at}`, Buffer.from(bytes)),
        hardLink(`rootfs/h${n}`, `rootfs/t${n}${at}`),
      ]),
      fc.tuple(name, fc.string({ maxLength: 900 })).map(([at, comment]) => (n: number) => [
        paxMember({ comment, mtime: `${n}.5`, path: `rootfs/p${n}${at}` }),
        file('short', comment),
      ]),
    );
    const end = fc.nat(40).map((blocks) => Buffer.concat([tarEnd, Buffer.alloc(512 * blocks)]));

    await fc.assert(
      fc.asyncProperty(
        fc.array(member, { maxLength: 30 }),
        end,
        fc.integer({ min: 1, max: 9000 }),
        async (members, tail, chunk) => {
          const tar = rawModuleTar(
            members.flatMap((make, n) => make(n)),
            tail,
          );
          const index = await indexOf(tar, chunk);
          const again = await rebuilt(index, storeOf(tar, index.entries), chunk);
          expect(again.equals(tar)).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });

  test.for<[command: string, ...needs: Requirement[]]>([
    ['tar --format=gnu -cf - manifest.json composefs-digest rootfs'],
    ['tar --format=posix -cf - .'],
    ['tar --format=posix --blocking-factor=1 -cf - composefs-digest rootfs manifest.json'],
    ['bsdtar -cf - manifest.json composefs-digest rootfs', 'bsdtar'],
    ['bsdtar --format=pax -cf - manifest.json composefs-digest rootfs', 'bsdtar'],
  ])('as %s wrote it', async ([command, ...needs], context) => {
    requires(context, ...needs);
    const folder = mkdtempSync(join(scratch, 'module-'));
    makeModuleFolder(folder);
    const tar = archiveWith(command, folder);

    const index = await indexOf(tar, 65_536);

    const again = await rebuilt(index, storeOf(tar, index.entries));
    expect(sha256(again)).toBe(sha256(tar));
    expect(index.outside?.length).toBeLessThan(tar.length / 20);
  });

  test('as an image was flattened', async () => {
    const layers = [
      [directory('a'), file('a/x', 'x'.repeat(700)), file('a/gone', 'g'.repeat(900))],
      [hardLink('a/y', 'a/x'), file('a/z', 'z'), file('a/.wh.gone', '')],
    ].map((members) => Buffer.concat([...members, tarEnd]));
    const tree = new ImageTree({ allowDevices: false });
    for (const layer of layers) await tree.addLayer(inChunks(layer, 700));

    const entries = flatEntries(tree.placed());
    const outside = new OutsideBytes(contentsInOrder(entries));
    const open = (layer: number) => inChunks(layers[layer] ?? Buffer.alloc(0), 700);
    const flat = await Array.fromAsync(outside.through(flattenImage(tree.placed(), open)));
    const tar = Buffer.concat(flat);
    const packed = await outside.finish();

    const index = await decodeFileIndex(await encodeFileIndex(entries, packed));
    expect((await rebuilt(index, storeOf(tar, entries))).equals(tar)).toBe(true);
  });
});

describe('a layer is not rebuilt', () => {
  const tar = rawModuleTar([file('rootfs/a', 'a'.repeat(100)), file('rootfs/b', 'b'.repeat(2000))]);

  test.each<[string, (index: FileIndex) => FileIndex, RegExp]>([
    ['from an index without outside bytes', ({ entries }) => ({ entries }), /found none$/],
    [
      'from outside bytes that are not zstd',
      (index) => ({ ...index, outside: Buffer.from('other') }),
      /found others$/,
    ],
    [
      'from too few outside bytes',
      (index) => ({ ...index, outside: zstdCompressSync(Buffer.alloc(600)) }),
      /more outside bytes, found the end$/,
    ],
    [
      'from entries whose contents overlap',
      ({ entries, ...index }) => ({
        ...index,
        entries: entries.map((one) => (one.path === '/b' ? { ...one, offset: 2600 } : one)),
      }),
      /found an overlap$/,
    ],
    [
      'where a content is larger than its entry says',
      ({ entries, ...index }) => ({
        ...index,
        entries: entries.map((one) => (one.path === '/b' ? { ...one, size: 1999 } : one)),
      }),
      /^expected 1999 bytes of "\/b", found more$/,
    ],
    [
      'where a content is smaller',
      ({ entries, ...index }) => ({
        ...index,
        entries: entries.map((one) => (one.path === '/b' ? { ...one, size: 2001 } : one)),
      }),
      /^expected 2001 bytes of "\/b", found 2000$/,
    ],
  ])('%s', async (_what, change, message) => {
    const index = await indexOf(tar, 5000);
    const store = storeOf(tar, index.entries);
    await expect(rebuilt(change(index), store)).rejects.toMatchObject({
      code: 'io_error',
      message: expect.stringMatching(message),
    });
  });

  test('asks for each content once, in the order of the tar, and for none that the index holds', async () => {
    const linked = rawModuleTar([
      file('rootfs/z', 'z'.repeat(100)),
      file('rootfs/tiny', 't'),
      hardLink('rootfs/a', 'rootfs/z'),
      file('rootfs/b', 'b'.repeat(100)),
    ]);
    const index = await indexOf(linked, 5000);
    const asked: string[] = [];
    const stream = rebuildLayer(index, ({ path, size }) => {
      asked.push(path);
      return Buffer.alloc(size, path === '/b' ? 'b' : 'z');
    });

    expect(Buffer.concat(await Array.fromAsync(stream)).equals(linked)).toBe(true);
    expect(asked).toEqual(['/a', '/b']);
  });
});

test('outside bytes over their limit are left out of the index', async () => {
  const outside = new OutsideBytes([], 1000);
  const noise = Buffer.concat(
    Array.from({ length: 100_000 }, (_, n) => createHash('sha256').update(`${n}`).digest()),
  );
  await Array.fromAsync(outside.through(inChunks(noise, 65_536)));
  expect(await outside.finish()).toBeUndefined();
});
