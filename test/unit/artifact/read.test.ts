import { describe, expect, test } from 'vitest';
import {
  type ReadModuleTarOptions,
  readModuleTar,
  verifyModuleTar,
} from '../../../shared/artifact/index.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { composefsImage } from '../../../shared/composefs/index.ts';
import { hostileArchives, hostileEncodings } from '../../support/hostile/encodings.ts';
import { legalMembers } from '../../support/hostile/legal.ts';
import { hostileMembers } from '../../support/hostile/tree-members.ts';
import { paxMember, rawMember, rawModuleTar, tarEnd } from '../../support/tar-archive.ts';

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const read = (tar: Buffer, options: Partial<ReadModuleTarOptions> = {}) =>
  readModuleTar(once(tar), { allowDevices: false, ...options });

async function codeOf(tar: Buffer, options: Partial<ReadModuleTarOptions> = {}): Promise<string> {
  try {
    await read(tar, options);
    return 'accepted';
  } catch (error) {
    if (error instanceof GantryError) return error.code;
    throw error;
  }
}

const file = (name: string | Buffer, content = 'x') => rawMember({ name }, content);
const directory = (name: string) => rawMember({ name, type: '5' });
const symlink = (name: string, link: string) =>
  rawMember({ name, type: '2', link, mode: '0000777\0' });
const hardLink = (name: string, link: string | Buffer) => rawMember({ name, type: '1', link });

describe('reading a module tar as hostile input', () => {
  test.each([
    ...hostileArchives,
    ...[...hostileMembers, ...hostileEncodings].map(
      ([what, code, members]) => [what, code, rawModuleTar(members)] as const,
    ),
  ])('%s: %s', async (_what, code, tar) => {
    const reading = read(tar).then(({ entries }) => composefsImage(entries));
    await expect(reading).rejects.toMatchObject({ code });
  });

  test.each(legalMembers)('%s is accepted', async (_what, members) => {
    expect(await codeOf(rawModuleTar(members))).toBe('accepted');
  });

  test('a refusal stays short, however long the hostile text is', async () => {
    const long = 'x'.repeat(1_000_000);
    for (const record of [
      { path: `/${long}` },
      { [long]: '' },
      { mtime: long },
      { [`SCHILY.xattr.${long}`]: '' },
    ]) {
      const error = await read(rawModuleTar([paxMember(record), file('rootfs/a')])).catch(
        (reason) => reason,
      );
      expect(error).toBeInstanceOf(GantryError);
      expect(JSON.stringify([error.message, error.found]).length).toBeLessThan(1000);
    }
  });

  test('bytes behind the end are refused, zeros are not', async () => {
    expect(await codeOf(rawModuleTar([], Buffer.concat([tarEnd, Buffer.alloc(9216)])))).toBe(
      'accepted',
    );
    expect(await codeOf(rawModuleTar([], Buffer.concat([tarEnd, Buffer.alloc(9216, 1)])))).toBe(
      'tar_malformed',
    );
    expect(await codeOf(rawModuleTar([], Buffer.concat([tarEnd, file('rootfs/a')])))).toBe(
      'tar_malformed',
    );
    expect(await codeOf(rawModuleTar([], Buffer.concat([tarEnd, Buffer.alloc(1)])))).toBe(
      'tar_truncated',
    );
  });

  test('an archive cut anywhere is truncated, never accepted', async () => {
    const tar = rawModuleTar([
      paxMember({ path: 'rootfs/b' }),
      file('rootfs/a', 'abc'.repeat(300)),
    ]);
    for (let length = 0; length < tar.length; length += 61) {
      expect(await codeOf(tar.subarray(0, length))).toBe('tar_truncated');
    }

    expect(await codeOf(tar.subarray(0, -1))).toBe('tar_truncated');
    expect(await codeOf(tar.subarray(0, -512))).toBe('tar_truncated');
  });

  test('metadata that is absent or not what it must be is refused', async () => {
    const manifest = file('manifest.json', '{}');
    const digest = file('composefs-digest', `${'a'.repeat(64)}\n`);
    const root = directory('rootfs/');
    const code = (...members: Buffer[]) => codeOf(Buffer.concat([...members, tarEnd]));

    expect(await code(manifest, digest, root)).toBe('accepted');
    expect(await code(root, digest, manifest)).toBe('accepted');
    expect(await code(digest, root)).toBe('tar_manifest_missing');
    expect(await code(manifest, root)).toBe('tar_digest_missing');
    expect(await code(manifest, digest)).toBe('tar_missing_parent');
    expect(await code()).toBe('tar_manifest_missing');
    expect(await code(manifest, file('composefs-digest', 'a'.repeat(64)), root)).toBe(
      'tar_digest_missing',
    );
    expect(await code(manifest, file('composefs-digest', `${'A'.repeat(64)}\n`), root)).toBe(
      'tar_digest_missing',
    );
    expect(await code(manifest, file('composefs-digest', ''), root)).toBe('tar_digest_missing');
    expect(await code(symlink('manifest.json', '/etc/shadow'), digest, root)).toBe(
      'tar_entry_unexpected',
    );
    expect(await code(directory('composefs-digest/'), manifest, root)).toBe('tar_entry_unexpected');
    expect(await code(manifest, digest, symlink('rootfs', '/'))).toBe('tar_entry_unexpected');
    expect(await code(manifest, digest, file('rootfs'))).toBe('tar_entry_unexpected');
    expect(
      await code(rawMember({ name: 'manifest.json' }, Buffer.from([0xff])), digest, root),
    ).toBe('tar_malformed');
    expect(await code(file('manifest.json', 'x'.repeat(2 ** 20 + 1)), digest, root)).toBe(
      'tar_malformed',
    );
  });

  test('a layer over its limits is refused before it is read', async () => {
    const tar = rawModuleTar([file('rootfs/a'), file('rootfs/b')]);
    expect(await codeOf(tar, { layerEntriesMax: 3 })).toBe('accepted');
    expect(await codeOf(tar, { layerEntriesMax: 2 })).toBe('layer_entries_too_many');
    expect(await codeOf(tar, { layerBytesMax: tar.length })).toBe('accepted');
    expect(await codeOf(tar, { layerBytesMax: tar.length - 1 })).toBe('layer_too_large');
  });

  test('endless zeros end at the limit of the layer', async () => {
    async function* endless() {
      yield rawModuleTar([]);
      for (;;) yield Buffer.alloc(65_536);
    }

    const reading = readModuleTar(endless(), { allowDevices: false, layerBytesMax: 10_000_000 });
    await expect(reading).rejects.toMatchObject({ code: 'layer_too_large' });
  });

  test('an error of the source passes through as it is', async () => {
    async function* failing() {
      yield rawModuleTar([]).subarray(0, 700);
      throw new GantryError('registry_timeout', 'the registry stood still');
    }
    await expect(readModuleTar(failing(), { allowDevices: true })).rejects.toMatchObject({
      code: 'registry_timeout',
    });
  });

  test('a Debian-like tree passes: absolute symlinks, links to directories, set-uid, odd names', async () => {
    const tar = await read(
      rawModuleTar([
        symlink('rootfs/bin', 'usr/bin'),
        directory('rootfs/etc/'),
        directory('rootfs/etc/alternatives/'),
        symlink('rootfs/etc/alternatives/editor', '/bin/nano'),
        symlink('rootfs/etc/up', '../../../..'),
        directory('rootfs/usr/'),
        directory('rootfs/usr/bin/'),
        rawMember({ name: 'rootfs/usr/bin/su', mode: '0004755\0' }, 'x'),
        symlink('rootfs/usr/bin/editor', '/etc/alternatives/editor'),
        file('rootfs/usr/bin/back\\slash\nnew…line'),
      ]),
    );

    expect(tar.entries.map((entry) => [entry.path, entry.target])).toEqual([
      ['/', undefined],
      ['/bin', 'usr/bin'],
      ['/etc', undefined],
      ['/etc/alternatives', undefined],
      ['/etc/alternatives/editor', '/bin/nano'],
      ['/etc/up', '../../../..'],
      ['/usr', undefined],
      ['/usr/bin', undefined],
      ['/usr/bin/back\\slash\nnew…line', undefined],
      ['/usr/bin/editor', '/etc/alternatives/editor'],
      ['/usr/bin/su', undefined],
    ]);

    expect(tar.entries.at(-1)?.mode).toBe(0o4755);
  });

  test('a hard link becomes a file with the attributes and the bytes of its target', async () => {
    const tar = await read(
      rawModuleTar([
        paxMember({ mtime: '5.5', 'SCHILY.xattr.user.a': '1' }),
        rawMember({ name: 'rootfs/a', mode: '0000600\0', uid: '0000007\0' }, 'abc'),
        hardLink('rootfs/b', './rootfs/a'),
        hardLink('rootfs/c', 'rootfs/b'),
      ]),
    );

    const [, a, b, c] = tar.entries;
    expect(a).toMatchObject({
      mode: 0o600,
      uid: 7,
      mtime: 5,
      mtime_ns: 500_000_000,
      size: 3,
      content: 'YWJj',
    });

    expect(b).toEqual({ ...a, path: '/b' });
    expect(c).toEqual({ ...a, path: '/c' });
  });

  test('devices pass where the module may have them, with their numbers', async () => {
    const tar = rawModuleTar([
      rawMember({ name: 'rootfs/big', type: '4', devMajor: '0000403\0', devMinor: '0001001\0' }),
      rawMember({ name: 'rootfs/whiteout', type: '3' }),
    ]);
    const { entries } = await read(tar, { allowDevices: true });

    expect(entries[1]).toMatchObject({
      type: 'block',
      rdev: (513 & 0xff) | (259 << 8) | ((513 & ~0xff) << 12),
    });
    expect(entries[2]).toMatchObject({ type: 'character', rdev: 0 });

    const impossible = rawMember({ name: 'rootfs/a', type: '3', devMajor: '0010000\0' });
    expect(await codeOf(rawModuleTar([impossible]), { allowDevices: true })).toBe('tar_malformed');
  });

  test('offsets point at the bytes, and a sink receives each file', async () => {
    const contents = ['short', 'long'.repeat(5000)];
    const bytes = rawModuleTar([
      file('rootfs/a', contents[0]),
      paxMember({ path: 'rootfs/b' }),
      file('x', contents[1]),
      file('rootfs/empty', ''),
    ]);

    const seen: string[] = [];
    const tar = await read(bytes, {
      onFile: ({ path }) => {
        let text = '';
        return {
          write: async (chunk) => {
            await new Promise(setImmediate);
            text += Buffer.from(chunk).toString();
          },
          end: (verity) => {
            seen.push(`${path} ${text === contents[seen.length]} ${verity.length}`);
          },
        };
      },
    });

    expect(seen).toEqual(['/a true 64', '/b true 64']);
    expect(tar.size).toBe(bytes.length);

    const [, a, b, empty] = tar.entries;
    expect(bytes.toString('utf8', a?.offset, (a?.offset ?? 0) + 5)).toBe('short');
    expect(bytes.toString('utf8', b?.offset, (b?.offset ?? 0) + 20_000)).toBe(contents[1]);
    expect(b?.content).toBeUndefined();
    expect(empty).toMatchObject({ size: 0 });
    expect(empty && 'verity' in empty).toBe(false);
  });

  test('a digest that is not the tree’s is a mismatch that names both', async () => {
    const tar = await read(rawModuleTar([]));
    expect(() => verifyModuleTar(tar)).toThrow(
      expect.objectContaining({ code: 'composefs_digest_mismatch', found: '0'.repeat(64) }),
    );
  });
});
