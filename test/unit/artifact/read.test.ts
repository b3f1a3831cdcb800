import { describe, expect, test } from 'vitest';
import { type ReadModuleTarOptions, readModuleTar, verifyModuleTar } from '../../../shared/artifact/index.ts';
import { GantryError } from '../../../shared/error.ts';
import { paxMember, rawHeader, rawMember, rawModuleTar, tarEnd } from '../../support/tar-archive.ts';

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
const symlink = (name: string, link: string) => rawMember({ name, type: '2', link, mode: '0000777\0' });
const hardLink = (name: string, link: string | Buffer) => rawMember({ name, type: '1', link });
const longName = (type: 'L' | 'K', name: string | Buffer) =>
  rawMember({ name: '././@LongLink', type, magic: 'ustar  \0' }, name);

const refused: [string, string, Buffer[]][] = [
  ['an absolute path', 'tar_path_absolute', [file('/rootfs/a')]],
  ['an absolute path in a pax record', 'tar_path_absolute', [paxMember({ path: '/etc/passwd' }), file('rootfs/a')]],
  ['..', 'tar_path_traversal', [file('rootfs/../a')]],
  ['.. at the end', 'tar_path_traversal', [directory('rootfs/..')]],
  ['.. in a pax record', 'tar_path_traversal', [paxMember({ path: 'rootfs/../../etc' }), file('rootfs/a')]],
  ['a . component', 'tar_path_traversal', [file('rootfs/./a')]],
  ['./ twice', 'tar_path_traversal', [file('././rootfs/a')]],
  ['an empty component', 'tar_path_traversal', [file('rootfs//a')]],
  ['two slashes at the end', 'tar_path_traversal', [directory('rootfs/a//')]],
  ['an empty name', 'tar_malformed', [file('')]],
  ['NUL in a pax path', 'tar_malformed', [paxMember({ path: 'rootfs/a\0b' }), file('rootfs/a')]],
  ['NUL in a GNU long name', 'tar_malformed', [longName('L', 'rootfs/a\0b\0'), file('rootfs/a')]],
  ['a name that is not UTF-8', 'tar_path_not_utf8', [file(Buffer.from('rootfs/\xff', 'latin1'))]],
  ['a surrogate in a name', 'tar_path_not_utf8', [file(Buffer.from('726f6f7466732feda080', 'hex'))]],
  [
    'a component over 255 bytes',
    'tar_path_too_long',
    [paxMember({ path: `rootfs/${'a'.repeat(256)}` }), file('rootfs/a')],
  ],
  [
    'a path over 4096 bytes',
    'tar_path_too_long',
    [paxMember({ path: `rootfs${'/aaaaaaa'.repeat(600)}` }), file('rootfs/a')],
  ],
  ['a long symlink target', 'tar_path_too_long', [paxMember({ linkpath: 'a'.repeat(4096) }), symlink('rootfs/a', 'b')]],
  ['a file behind a symlink', 'tar_path_through_symlink', [symlink('rootfs/a', '/etc'), file('rootfs/a/b')]],
  ['a file deep behind a symlink', 'tar_path_through_symlink', [symlink('rootfs/a', '.'), file('rootfs/a/b/c')]],
  ['a file behind a file', 'tar_missing_parent', [file('rootfs/a'), file('rootfs/a/b')]],
  [
    'a hard link behind a symlink',
    'tar_path_through_symlink',
    [file('rootfs/f'), symlink('rootfs/a', '.'), hardLink('rootfs/a/b', 'rootfs/f')],
  ],
  [
    'a hard link through a symlink',
    'tar_path_through_symlink',
    [file('rootfs/f'), symlink('rootfs/a', '.'), hardLink('rootfs/b', 'rootfs/a/f')],
  ],
  [
    'a hard link to a symlink',
    'tar_hardlink_invalid',
    [symlink('rootfs/a', '/etc/shadow'), hardLink('rootfs/b', 'rootfs/a')],
  ],
  ['a hard link to a directory', 'tar_hardlink_invalid', [directory('rootfs/a/'), hardLink('rootfs/b', 'rootfs/a')]],
  ['a hard link to nothing', 'tar_hardlink_invalid', [hardLink('rootfs/b', 'rootfs/a')]],
  ['a hard link to itself', 'tar_hardlink_invalid', [hardLink('rootfs/b', 'rootfs/b')]],
  ['a hard link to a later file', 'tar_hardlink_invalid', [hardLink('rootfs/a', 'rootfs/b'), file('rootfs/b')]],
  ['a hard link out of rootfs', 'tar_hardlink_invalid', [hardLink('rootfs/a', 'manifest.json')]],
  ['an absolute hard link', 'tar_path_absolute', [hardLink('rootfs/a', '/etc/shadow')]],
  ['a hard link with ..', 'tar_path_traversal', [hardLink('rootfs/a', 'rootfs/../../etc/shadow')]],
  [
    'a hard link with content',
    'tar_malformed',
    [file('rootfs/a'), rawMember({ name: 'rootfs/b', type: '1', link: 'rootfs/a' }, 'x')],
  ],
  ['the same file twice', 'tar_duplicate_entry', [file('rootfs/a'), file('rootfs/a')]],
  ['the same file with ./', 'tar_duplicate_entry', [file('rootfs/a'), file('./rootfs/a')]],
  ['a file, then a directory', 'tar_duplicate_entry', [file('rootfs/a'), directory('rootfs/a/')]],
  ['a directory, then a symlink', 'tar_duplicate_entry', [directory('rootfs/a/'), symlink('rootfs/a', '/')]],
  ['a directory twice, with and without slash', 'tar_duplicate_entry', [directory('rootfs/a/'), directory('rootfs/a')]],
  ['rootfs twice', 'tar_duplicate_entry', [directory('rootfs')]],
  ['manifest.json twice', 'tar_duplicate_entry', [file('manifest.json')]],
  ['composefs-digest twice', 'tar_duplicate_entry', [file('./composefs-digest')]],
  ['a missing parent', 'tar_missing_parent', [file('rootfs/a/b')]],
  ['a parent that comes later', 'tar_missing_parent', [file('rootfs/a/b'), directory('rootfs/a/')]],
  ['a file with a slash at its end', 'tar_malformed', [file('rootfs/a/')]],
  ['another file at the top', 'tar_entry_unexpected', [file('README')]],
  ['a name that begins like rootfs', 'tar_entry_unexpected', [directory('rootfsx/')]],
  ['a top directory that is a file', 'tar_entry_unexpected', [file('.')]],
  ['a character device', 'tar_device_refused', [rawMember({ name: 'rootfs/a', type: '3', devMajor: '0000001\0' })]],
  ['a block device', 'tar_device_refused', [rawMember({ name: 'rootfs/a', type: '4' })]],
  ['a whiteout', 'tar_device_refused', [rawMember({ name: 'rootfs/a', type: '3' })]],
  ['a GNU sparse file', 'tar_sparse_refused', [rawMember({ name: 'rootfs/a', type: 'S' })]],
  ['a pax sparse file', 'tar_sparse_refused', [paxMember({ 'GNU.sparse.major': '1' }), file('rootfs/a')]],
  ['a global pax header', 'tar_entry_type_unsupported', [rawMember({ name: 'g', type: 'g' }, '9 path=a\n')]],
  ['a contiguous file', 'tar_entry_type_unsupported', [rawMember({ name: 'rootfs/a', type: '7' })]],
  ['a volume label', 'tar_entry_type_unsupported', [rawMember({ name: 'rootfs/a', type: 'V' })]],
  ['a type beyond ASCII', 'tar_entry_type_unsupported', [rawMember({ name: 'rootfs/a', type: '\u0009' })]],
  [
    'two pax headers',
    'tar_malformed',
    [paxMember({ path: 'rootfs/a' }), paxMember({ path: 'rootfs/b' }), file('rootfs/c')],
  ],
  [
    'a pax header and a GNU name',
    'tar_malformed',
    [paxMember({ path: 'rootfs/a' }), longName('L', 'rootfs/b\0'), file('rootfs/c')],
  ],
  [
    'a GNU name and a pax header',
    'tar_malformed',
    [longName('L', 'rootfs/b\0'), paxMember({ mtime: '1' }), file('rootfs/c')],
  ],
  ['two GNU names', 'tar_malformed', [longName('L', 'rootfs/a\0'), longName('L', 'rootfs/b\0'), file('rootfs/c')]],
  ['a GNU link name for a file', 'tar_malformed', [longName('K', 'rootfs/a\0'), file('rootfs/c')]],
  ['a pax link path for a directory', 'tar_malformed', [paxMember({ linkpath: 'a' }), directory('rootfs/c/')]],
  ['a pax header at the end', 'tar_malformed', [paxMember({ path: 'rootfs/a' })]],
  ['an empty pax header', 'tar_malformed', [rawMember({ name: 'x', type: 'x' }), file('rootfs/c')]],
  ['an absurd pax header', 'tar_malformed', [rawHeader({ name: 'x', type: 'x', size: '77777777777\0' })]],
  ['an absurd GNU name', 'tar_malformed', [rawHeader({ name: 'x', type: 'L', size: '00001000000\0' })]],
  ['a pax size unlike the header', 'tar_malformed', [paxMember({ size: '0' }), file('rootfs/a', 'abc')]],
  [
    'a pax size where the header says nought',
    'tar_malformed',
    [paxMember({ size: '512' }), rawMember({ name: 'rootfs/a' }), Buffer.alloc(512)],
  ],
  ['an owner that means none', 'tar_malformed', [paxMember({ uid: '4294967295' }), file('rootfs/a')]],
  ['a directory with content', 'tar_malformed', [rawMember({ name: 'rootfs/a', type: '5' }, 'x')]],
  ['a symlink with content', 'tar_malformed', [rawMember({ name: 'rootfs/a', type: '2', link: 'b' }, 'x')]],
  ['a symlink to nowhere', 'tar_malformed', [symlink('rootfs/a', '')]],
  ['padding that hides bytes', 'tar_malformed', [rawHeader({ name: 'rootfs/a' }, 1), Buffer.alloc(512, 'x')]],
  ['a lone zero block', 'tar_malformed', [Buffer.alloc(512), file('rootfs/a')]],
  ['a file larger than any layer', 'layer_too_large', [rawHeader({ name: 'rootfs/a', size: '77777777777\0' })]],
  [
    'a file behind another file that stands in for a directory',
    'tar_missing_parent',
    [file('rootfs/a'), file('rootfs/a/b/c')],
  ],
];

describe('reading a module tar as hostile input', () => {
  test.each(refused)('%s is refused as %s', async (_what, code, members) => {
    expect(await codeOf(rawModuleTar(members))).toBe(code);
  });

  test('a refusal stays short, however long the hostile text is', async () => {
    const long = 'x'.repeat(1_000_000);
    for (const record of [{ path: `/${long}` }, { [long]: '' }, { mtime: long }, { [`SCHILY.xattr.${long}`]: '' }]) {
      const error = await read(rawModuleTar([paxMember(record), file('rootfs/a')])).catch((reason) => reason);
      expect(error).toBeInstanceOf(GantryError);
      expect(JSON.stringify([error.message, error.found]).length).toBeLessThan(1000);
    }
  });

  test('bytes behind the end are refused, zeros are not', async () => {
    expect(await codeOf(rawModuleTar([], Buffer.concat([tarEnd, Buffer.alloc(9216)])))).toBe('accepted');
    expect(await codeOf(rawModuleTar([], Buffer.concat([tarEnd, Buffer.alloc(9216, 1)])))).toBe('tar_malformed');
    expect(await codeOf(rawModuleTar([], Buffer.concat([tarEnd, file('rootfs/a')])))).toBe('tar_malformed');
    expect(await codeOf(rawModuleTar([], Buffer.concat([tarEnd, Buffer.alloc(1)])))).toBe('tar_truncated');
  });

  test('an archive cut anywhere is truncated, never accepted', async () => {
    const tar = rawModuleTar([paxMember({ path: 'rootfs/b' }), file('rootfs/a', 'abc'.repeat(300))]);
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
    expect(await code(manifest, file('composefs-digest', 'a'.repeat(64)), root)).toBe('tar_digest_missing');
    expect(await code(manifest, file('composefs-digest', `${'A'.repeat(64)}\n`), root)).toBe('tar_digest_missing');
    expect(await code(manifest, file('composefs-digest', ''), root)).toBe('tar_digest_missing');
    expect(await code(symlink('manifest.json', '/etc/shadow'), digest, root)).toBe('tar_entry_unexpected');
    expect(await code(directory('composefs-digest/'), manifest, root)).toBe('tar_entry_unexpected');
    expect(await code(manifest, digest, symlink('rootfs', '/'))).toBe('tar_entry_unexpected');
    expect(await code(manifest, digest, file('rootfs'))).toBe('tar_entry_unexpected');
    expect(await code(rawMember({ name: 'manifest.json' }, Buffer.from([0xff])), digest, root)).toBe('tar_malformed');
    expect(await code(file('manifest.json', 'x'.repeat(2 ** 20 + 1)), digest, root)).toBe('tar_malformed');
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
    await expect(readModuleTar(failing(), { allowDevices: true })).rejects.toMatchObject({ code: 'registry_timeout' });
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
    expect(a).toMatchObject({ mode: 0o600, uid: 7, mtime: 5, mtime_ns: 500_000_000, size: 3, content: 'YWJj' });
    expect(b).toEqual({ ...a, path: '/b' });
    expect(c).toEqual({ ...a, path: '/c' });
  });

  test('devices pass where the module may have them, with their numbers', async () => {
    const tar = rawModuleTar([
      rawMember({ name: 'rootfs/big', type: '4', devMajor: '0000403\0', devMinor: '0001001\0' }),
      rawMember({ name: 'rootfs/whiteout', type: '3' }),
    ]);
    const { entries } = await read(tar, { allowDevices: true });
    expect(entries[1]).toMatchObject({ type: 'block', rdev: (513 & 0xff) | (259 << 8) | ((513 & ~0xff) << 12) });
    expect(entries[2]).toMatchObject({ type: 'character', rdev: 0 });
    const impossible = rawMember({ name: 'rootfs/a', type: '3', devMajor: '0010000\0' });
    expect(await codeOf(rawModuleTar([impossible]), { allowDevices: true })).toBe('tar_malformed');
  });

  test('offsets are where the bytes are, and a sink is given each file', async () => {
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
