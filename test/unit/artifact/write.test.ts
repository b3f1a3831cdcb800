import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readModuleTar, verifyModuleTar, writeModuleTar } from '../../../shared/artifact/index.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { composefsImage } from '../../../shared/composefs/index.ts';
import { compareBytes, type TreeEntry } from '../../../shared/domain/files/index.ts';
import {
  arbitraryTree,
  directoryEntry,
  fileEntry,
  type TreeWithContent,
} from '../../support/trees.ts';

const manifestJson = '{"name":"my-redis"}\n';

async function write(tree: TreeWithContent, mtime = 1_700_000_000): Promise<Buffer> {
  const open = (entry: TreeEntry) => tree.contents.get(entry.path) ?? Buffer.alloc(0);
  return Buffer.concat(
    await Array.fromAsync(writeModuleTar({ manifestJson, mtime, entries: tree.entries, open })),
  );
}

function tree(...parts: [TreeEntry, Buffer?][]): TreeWithContent {
  const contents = parts.flatMap(([entry, content]): [string, Buffer][] =>
    content ? [[entry.path, content]] : [],
  );
  return { entries: parts.map(([entry]) => entry), contents: new Map(contents) };
}

/** Hands the bytes on in pieces of the given sizes, over and over. */
async function* inChunks(bytes: Buffer, sizes: number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const byPath = (entries: TreeEntry[]) => entries.toSorted((a, b) => compareBytes(a.path, b.path));
const withoutOffset = ({ offset: _offset, ...entry }: TreeEntry) => entry;

describe('writing a module tar', () => {
  test('what is written is read back the same, however the bytes are cut', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(arbitraryTree, sizes, async (given, cuts) => {
        const bytes = await write(given);
        const tar = await readModuleTar(inChunks(bytes, cuts), { allowDevices: true });

        expect(tar.entries.map(withoutOffset)).toEqual(byPath(given.entries));
        expect(tar.manifestJson).toBe(manifestJson);
        expect(tar.size).toBe(bytes.length);
        expect(verifyModuleTar(tar).digest).toBe(composefsImage(given.entries).digest);

        for (const { path, offset, size } of tar.entries) {
          if (offset === undefined) continue;
          expect(
            bytes.subarray(offset, offset + size).equals(given.contents.get(path) as Buffer),
          ).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('the same tree gives the same bytes, in whatever order it comes', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTree, async (given) => {
        const reversed = { ...given, entries: given.entries.toReversed() };
        expect((await write(reversed)).equals(await write(given))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('damaged bytes are refused with a code or make no difference to the tree', async () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(arbitraryTree, flips, async (given, damage) => {
        const bytes = await write(given);
        for (const [at, bits] of damage)
          bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ bits;

        try {
          verifyModuleTar(await readModuleTar(inChunks(bytes, [1000]), { allowDevices: true }));
        } catch (error) {
          if (!(error instanceof GantryError)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });

  test('headers with damaged fields and right checksums are refused with a code, or make no difference to the tree', async () => {
    const damage = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 511 }), fc.integer({ min: 0, max: 255 })),
      {
        maxLength: 3,
      },
    );
    await fc.assert(
      fc.asyncProperty(arbitraryTree, fc.nat(), damage, async (given, block, bytesSet) => {
        const bytes = await write(given);
        const start = (block % (bytes.length / 512)) * 512;
        const header = bytes.subarray(start, start + 512);
        for (const [at, value] of bytesSet) header[at] = value;
        header.write('        ', 148);

        header.write(
          `${header
            .reduce((sum, byte) => sum + byte, 0)
            .toString(8)
            .padStart(6, '0')}\0 `,
          148,
        );

        try {
          verifyModuleTar(await readModuleTar(inChunks(bytes, [700]), { allowDevices: true }));
        } catch (error) {
          if (!(error instanceof GantryError)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });

  test('the members stand in the order of product.md: metadata, then the tree by bytes of the name', async () => {
    const bytes = await write(
      tree(
        [fileEntry('/etc/a', Buffer.from('1')), Buffer.from('1')],
        [directoryEntry('/')],
        [directoryEntry('/etc')],
        [fileEntry('/etc-x', Buffer.from('2')), Buffer.from('2')],
      ),
    );

    const listed = execFileSync('tar', ['-t'], { input: bytes, encoding: 'utf8' });
    expect(listed.trim().split('\n')).toEqual([
      'manifest.json',
      'composefs-digest',
      'rootfs/',
      'rootfs/etc-x',
      'rootfs/etc/',
      'rootfs/etc/a',
    ]);

    const digest = execFileSync('tar', ['-xO', 'composefs-digest'], {
      input: bytes,
      encoding: 'utf8',
    });
    expect(digest).toMatch(/^[0-9a-f]{64}\n$/);
  });

  test.each([
    ['without its root', 'tar_missing_parent', tree([directoryEntry('/etc')])],
    [
      'with a parent missing',
      'tar_missing_parent',
      tree([directoryEntry('/')], [directoryEntry('/a/b')]),
    ],
    [
      'with a path twice',
      'tar_duplicate_entry',
      tree([directoryEntry('/')], [directoryEntry('/a')], [directoryEntry('/a')]),
    ],
    ['with a relative path', 'tree_invalid', tree([directoryEntry('/')], [directoryEntry('a')])],
    ['with ..', 'tar_path_traversal', tree([directoryEntry('/')], [directoryEntry('/..')])],
    [
      'with a symlink mode that Linux lacks',
      'tree_invalid',
      tree(
        [directoryEntry('/')],
        [directoryEntry('/a', { type: 'symlink', target: 'b', size: 1 })],
      ),
    ],
  ])('a tree %s is refused', async (_what, code, given) => {
    await expect(write(given)).rejects.toMatchObject({ code });
  });

  test.each([
    ['shorter', Buffer.from('ab')],
    ['longer', Buffer.from('abcd')],
    ['other', Buffer.from('xyz')],
  ])('a file that is %s than it was when hashed is an error', async (_what, now) => {
    const given = tree([directoryEntry('/')], [fileEntry('/a', Buffer.from('abc')), now]);
    await expect(write(given)).rejects.toMatchObject({ code: 'io_error' });
  });
});

const asRoot = process.getuid?.() === 0;

describe.runIf(asRoot)('GNU tar and a module tar (needs root)', () => {
  const directory = () => {
    const path = mkdtempSync(join(tmpdir(), 'gantry-tar-'));
    onTestFinished(() => rmSync(path, { recursive: true, force: true }));
    return path;
  };

  const sh = (command: string, cwd: string) =>
    execFileSync('sh', ['-ec', command], { cwd, stdio: 'pipe' });
  const longFile = `/etc/${'long-'.repeat(30)}`;
  const big = Buffer.from('content '.repeat(2000));

  const given = tree(
    [directoryEntry('/', { mtime_ns: 123_456_789 })],
    [directoryEntry('/etc', { mode: 0o1777, uid: 7, gid: 3_000_000, mtime: 5 })],
    [
      fileEntry('/etc/é', Buffer.from('short'), {
        mode: 0o4755,
        mtime: 1_600_000_000,
        mtime_ns: 1,
      }),
      Buffer.from('short'),
    ],
    [
      fileEntry(longFile, big, {
        mtime: -2,
        mtime_ns: 500_000_000,
        xattrs: { 'user.a=b%c': 'AAo9/w==', 'trusted.t': '' },
      }),
      big,
    ],
    [fileEntry('/etc/empty', Buffer.alloc(0))],
    [
      directoryEntry('/etc/link', {
        type: 'symlink',
        mode: 0o777,
        target: '/usr/bin/x',
        size: 10,
        mtime_ns: 7,
      }),
    ],
    [
      directoryEntry('/etc/longlink', {
        type: 'symlink',
        mode: 0o777,
        target: 'z'.repeat(300),
        size: 300,
      }),
    ],
    [directoryEntry('/null', { type: 'character', mode: 0o666, rdev: 259 })],
    [
      directoryEntry('/disk', {
        type: 'block',
        mode: 0o660,
        gid: 6,
        rdev: (513 & 0xff) | (259 << 8) | ((513 & ~0xff) << 12),
      }),
    ],
    [directoryEntry('/whiteout', { type: 'character', mode: 0, rdev: 0 })],
    [directoryEntry('/etc-after-etc')],
    [directoryEntry('/etc/empty.d', { mtime: 9 })],
    [fileEntry('/etc/empty.d/later', Buffer.from('1')), Buffer.from('1')],
    [fileEntry('/etc/empty.d.conf', Buffer.from('2')), Buffer.from('2')],
    [directoryEntry('/fifo', { type: 'fifo', mode: 0o600 })],
  );

  test('what GNU tar extracts and packs again is the same tree, in pax and in GNU format', async () => {
    const at = directory();
    writeFileSync(join(at, 'module.tar'), await write(given));
    sh(`mkdir x && tar --xattrs --xattrs-include='*' --same-owner -xpf module.tar -C x`, at);

    expect(readdirSync(join(at, 'x')).sort()).toEqual([
      'composefs-digest',
      'manifest.json',
      'rootfs',
    ]);

    const repacked = async (options: string) => {
      sh(`tar --xattrs --xattrs-include='*' ${options} -cf again.tar -C x .`, at);
      const bytes = execFileSync('cat', [join(at, 'again.tar')], { maxBuffer: 2 ** 26 });
      return readModuleTar(inChunks(bytes, [10_240]), { allowDevices: true });
    };

    const pax = await repacked('--format=posix');
    expect(pax.entries.map(withoutOffset)).toEqual(byPath(given.entries));
    expect(verifyModuleTar(pax).digest).toBe(pax.claimedComposefsDigest);

    const gnu = await repacked('--format=gnu --no-xattrs');
    const inGnu = ({ xattrs: _xattrs, offset: _offset, ...entry }: TreeEntry) => ({
      ...entry,
      mtime_ns: 0,
    });

    expect(gnu.entries.map(inGnu)).toEqual(byPath(given.entries).map(inGnu));
  });

  test('hard links and sparse files of GNU tar are distinguished', async () => {
    const at = directory();
    writeFileSync(join(at, 'module.tar'), await write(given));
    sh(
      'mkdir x && tar -xpf module.tar -C x && ln x/rootfs/etc/é x/rootfs/etc/zz && truncate -s 1M hole',
      at,
    );
    sh('tar --format=posix -cf again.tar -C x manifest.json composefs-digest rootfs', at);

    const read = (name: string) =>
      readModuleTar(
        inChunks(execFileSync('cat', [join(at, name)], { maxBuffer: 2 ** 26 }), [999]),
        {
          allowDevices: true,
        },
      );

    const linked = (await read('again.tar')).entries;
    const one = linked.find((entry) => entry.path === '/etc/é');

    expect(linked.find((entry) => entry.path === '/etc/zz')).toEqual({ ...one, path: '/etc/zz' });
    for (const format of ['posix', 'gnu']) {
      sh(
        `mv hole x/rootfs/hole; tar -S --format=${format} -cf sparse.tar -C x . ; mv x/rootfs/hole .`,
        at,
      );
      await expect(read('sparse.tar')).rejects.toMatchObject({ code: 'tar_sparse_refused' });
    }
  });
});
