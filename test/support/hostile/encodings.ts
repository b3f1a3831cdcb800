import { gzipSync } from 'node:zlib';
import type { ErrorCode } from '../../../shared/base/error-codes.ts';
import {
  paxMember,
  paxRecord,
  rawHeader,
  rawMember,
  rawModuleTar,
  tarEnd,
} from '../tar-archive.ts';
import { directory, file, hardLink, longName, symlink } from './members.ts';

/** A pax header whose body is given byte by byte. */
const paxBody = (body: string | Buffer) => rawMember({ name: 'PaxHeader', type: 'x' }, body);
const base256 = (hex: string) => Buffer.from(hex, 'hex');
const xattr = (name: string, value: string | Buffer = 'v') =>
  paxMember({ [`SCHILY.xattr.${name}`]: value });

/** The checksum as the sum of signed bytes, as some old tars had it. */
function signedChecksum(name: Buffer): Buffer {
  const block = rawHeader({ name, checksum: '        ' });
  const sum = block.reduce((total, byte) => total + (byte < 128 ? byte : byte - 256), 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** Fields, records and long names that say what readers could take differently. */
export const hostileEncodings: [what: string, code: ErrorCode, members: Buffer[]][] = [
  ['a wrong checksum', 'tar_malformed', [rawHeader({ name: 'rootfs/a', checksum: '012345\0 ' })]],
  ['a checksum of signed bytes', 'tar_malformed', [signedChecksum(Buffer.from('rootfs/é'))]],
  [
    'a header of before POSIX',
    'tar_malformed',
    [rawHeader({ name: 'rootfs/a', magic: '\0'.repeat(8) })],
  ],
  ['bytes behind the NUL of a name', 'tar_malformed', [file('rootfs/a\0/../../etc/passwd')]],
  ['bytes behind the NUL of a link', 'tar_malformed', [symlink('rootfs/a', 'b\0c')]],
  [
    'a negative base-256 size',
    'tar_malformed',
    [rawHeader({ name: 'rootfs/a', size: Buffer.alloc(12, 0xff) })],
  ],
  [
    'a base-256 size beyond 2^53',
    'tar_malformed',
    [rawHeader({ name: 'rootfs/a', size: base256('80000000ffffffffffffffff') })],
  ],
  [
    'a base-256 size of a tebibyte',
    'layer_too_large',
    [rawHeader({ name: 'rootfs/a', size: base256('800000000000010000000000') })],
  ],
  [
    'a size of twelve digits',
    'layer_too_large',
    [rawHeader({ name: 'rootfs/a', size: '777777777777' })],
  ],
  [
    'a size that is not octal',
    'tar_malformed',
    [rawHeader({ name: 'rootfs/a', size: '00000000009\0' })],
  ],
  ['a size with a sign', 'tar_malformed', [rawHeader({ name: 'rootfs/a', size: '-0000000001\0' })]],
  [
    'a pax size of a petabyte',
    'layer_too_large',
    [paxMember({ size: '999999999999999' }), file('rootfs/a', '')],
  ],
  [
    'a pax size beyond numbers',
    'tar_malformed',
    [paxMember({ size: '9'.repeat(30) }), file('rootfs/a', '')],
  ],
  ...['-1', '+1', '0x1', '1e1', ' 1', '1\0', ''].map((size): (typeof hostileEncodings)[number] => [
    `a pax size of ${JSON.stringify(size)}`,
    'tar_malformed',
    [paxMember({ size }), file('rootfs/a')],
  ]),
  [
    'a pax record longer than its header',
    'tar_malformed',
    [paxBody('99 path=rootfs/b\n'), file('rootfs/a')],
  ],
  [
    'a pax record shorter than its text',
    'tar_malformed',
    [paxBody('9 path=rootfs/b\n'), file('rootfs/a')],
  ],
  ['a pax record of no length', 'tar_malformed', [paxBody('path=rootfs/b\n'), file('rootfs/a')]],
  [
    'a pax record with a leading zero',
    'tar_malformed',
    [paxBody('018 path=rootfs/b\n'), file('rootfs/a')],
  ],
  ['a pax record without a key', 'tar_malformed', [paxBody('4 =\n'), file('rootfs/a')]],
  ['a pax record without a newline', 'tar_malformed', [paxBody('10 path=aa'), file('rootfs/a')]],
  ['NUL behind the pax records', 'tar_malformed', [paxBody('9 path=a\n\0\0'), file('rootfs/a')]],
  [
    'two paths in one pax header',
    'tar_malformed',
    [
      paxBody(Buffer.concat([paxRecord('path', 'rootfs/a'), paxRecord('path', 'rootfs/b')])),
      file('rootfs/c'),
    ],
  ],
  [
    'a pax key that is not UTF-8',
    'tar_malformed',
    [paxBody(Buffer.from('6 \xff=a\n', 'latin1')), file('rootfs/a')],
  ],
  [
    'a pax path that is not UTF-8',
    'tar_path_not_utf8',
    [paxMember({ path: base256('80') }), file('rootfs/a')],
  ],
  [
    'a pax header of another charset',
    'tar_malformed',
    [paxMember({ hdrcharset: 'ISO-IR 8859 1 1998' }), file('rootfs/a')],
  ],
  [
    'a name that is not UTF-8 behind its charset (report image-layers, ilatin)',
    'tar_path_not_utf8',
    [paxMember({ hdrcharset: 'BINARY', path: base256('726f6f7466732fe9') }), file('rootfs/a')],
  ],
  [
    'a pax record that nobody knows',
    'tar_malformed',
    [paxMember({ 'VENDOR.path': 'b' }), file('rootfs/a')],
  ],
  ['an empty pax path', 'tar_malformed', [paxMember({ path: '' }), file('rootfs/a')]],
  [
    'an absolute pax hard link',
    'tar_path_absolute',
    [paxMember({ linkpath: '/etc/shadow' }), hardLink('rootfs/a', 'b')],
  ],
  [
    'a pax hard link with .. over a harmless one',
    'tar_path_traversal',
    [
      file('rootfs/f'),
      paxMember({ linkpath: 'rootfs/../../etc/shadow' }),
      hardLink('rootfs/a', 'rootfs/f'),
    ],
  ],
  [
    'an absolute GNU long name',
    'tar_path_absolute',
    [longName('L', '/etc/passwd\0'), file('rootfs/a')],
  ],
  [
    'a GNU long name with ..',
    'tar_path_traversal',
    [longName('L', 'rootfs/../x\0'), file('rootfs/a')],
  ],
  [
    'a GNU long link with ..',
    'tar_path_traversal',
    [longName('K', '../../etc/shadow\0'), hardLink('rootfs/a', 'b')],
  ],
  [
    'two GNU link names',
    'tar_malformed',
    [longName('K', 'a\0'), longName('K', 'b\0'), symlink('rootfs/a', 'c')],
  ],
  ['a GNU long name at the end', 'tar_malformed', [longName('L', 'rootfs/b\0')]],
  [
    'a ustar prefix with ..',
    'tar_path_traversal',
    [rawMember({ name: 'a', prefix: 'rootfs/..' }, 'x')],
  ],
  [
    'an absolute ustar prefix',
    'tar_path_absolute',
    [rawMember({ name: 'a', prefix: '/rootfs' }, 'x')],
  ],
  [
    'the sparse format 0.0 of GNU',
    'tar_sparse_refused',
    [paxMember({ 'GNU.sparse.size': '9' }), file('rootfs/a')],
  ],
  [
    'the sparse format 0.1 of GNU',
    'tar_sparse_refused',
    [paxMember({ 'GNU.sparse.map': '0,1' }), file('rootfs/a')],
  ],
  [
    'a sparse name of GNU over the real one',
    'tar_sparse_refused',
    [paxMember({ 'GNU.sparse.name': '/etc/passwd' }), file('rootfs/a')],
  ],
  [
    'a sparse size of star',
    'tar_sparse_refused',
    [paxMember({ 'SCHILY.realsize': '1' }), file('rootfs/a')],
  ],
  ...[...'ADIMNSVX'].map((type): (typeof hostileEncodings)[number] => [
    `a member of type ${type}`,
    type === 'S' ? 'tar_sparse_refused' : 'tar_entry_type_unsupported',
    [rawMember({ name: 'rootfs/a', type })],
  ]),
  [
    'a time beyond any disk',
    'tar_malformed',
    [paxMember({ mtime: '15032385536' }), file('rootfs/a')],
  ],
  [
    'a time of a million years ago',
    'tar_malformed',
    [paxMember({ mtime: '-31556952000000' }), file('rootfs/a')],
  ],
  [
    'a base-256 time beyond any disk',
    'tar_malformed',
    [rawMember({ name: 'rootfs/a', mtime: base256('800000000010000000000000') }, 'x')],
  ],
  ...['NaN', '1e9', '1.2.3', '--1', '1.0000000001', ' 1', ''].map(
    (mtime): (typeof hostileEncodings)[number] => [
      `a time of ${JSON.stringify(mtime)}`,
      'tar_malformed',
      [paxMember({ mtime }), file('rootfs/a')],
    ],
  ),
  [
    'an owner beyond 32 bits',
    'tar_malformed',
    [paxMember({ gid: '4294967296' }), file('rootfs/a')],
  ],
  ['an owner below zero', 'tar_malformed', [paxMember({ uid: '-2' }), file('rootfs/a')]],
  ['an attribute in no namespace', 'tar_xattr_invalid', [xattr('capability'), file('rootfs/a')]],
  ['an attribute without a name', 'tar_xattr_invalid', [xattr(''), file('rootfs/a')]],
  [
    'an attribute that is only a namespace',
    'tar_xattr_invalid',
    [xattr('user.'), file('rootfs/a')],
  ],
  [
    'an attribute with NUL in its name',
    'tar_xattr_invalid',
    [xattr('user.a\0b'), file('rootfs/a')],
  ],
  [
    'an attribute with too long a name',
    'tar_xattr_invalid',
    [xattr(`user.${'a'.repeat(251)}`), file('rootfs/a')],
  ],
  [
    'an attribute over 64 KiB',
    'tar_xattr_invalid',
    [xattr('user.a', Buffer.alloc(65_537)), file('rootfs/a')],
  ],
  [
    'one attribute twice, once escaped',
    'tar_xattr_invalid',
    [paxMember({ 'SCHILY.xattr.user.a%': 'x', 'SCHILY.xattr.user.a%25': 'y' }), file('rootfs/a')],
  ],
  [
    'more attributes than an image can hold',
    'tree_invalid',
    [xattr('user.a', Buffer.alloc(65_536)), file('rootfs/a')],
  ],
  [
    'an attribute as libarchive alone writes it',
    'tar_malformed',
    [paxMember({ 'LIBARCHIVE.xattr.user.a': 'eA' })],
  ],
  [
    'an attribute of two values',
    'tar_xattr_invalid',
    [paxMember({ 'SCHILY.xattr.user.a': 'x', 'LIBARCHIVE.xattr.user.a': 'eQ' }), file('rootfs/a')],
  ],
  [
    'a POSIX ACL in text',
    'tar_malformed',
    [paxMember({ 'SCHILY.acl.access': 'user::rwx' }), file('rootfs/a')],
  ],
  [
    'a manifest that is a hard link',
    'tar_entry_unexpected',
    [hardLink('manifest.json', 'rootfs/a')],
  ],
  ['a manifest in other letters', 'tar_entry_unexpected', [file('MANIFEST.JSON')]],
  ['the parent of the archive', 'tar_path_traversal', [directory('..')]],
  ['the root of the machine', 'tar_path_absolute', [directory('/')]],
];

const whole = rawModuleTar([paxMember({ path: 'rootfs/b' }), file('rootfs/a', 'abc'.repeat(300))]);
const [manifest, digest, root] = [
  file('manifest.json', '{}'),
  file('composefs-digest', `${'a'.repeat(64)}\n`),
  directory('rootfs/'),
];
const archive = (...members: Buffer[]) => Buffer.concat([...members, tarEnd]);

/** Archives that are wrong as a whole. */
export const hostileArchives: [what: string, code: ErrorCode, bytes: Buffer][] = [
  ['nothing', 'tar_truncated', Buffer.alloc(0)],
  ['one block of zeros', 'tar_truncated', Buffer.alloc(512)],
  ['only an end', 'tar_manifest_missing', tarEnd],
  ['gzip', 'tar_malformed', gzipSync(whole, { level: 0 })],
  ['JSON', 'tar_malformed', Buffer.from(JSON.stringify({ layers: [] }).padEnd(1024))],
  ['the end cut off', 'tar_truncated', whole.subarray(0, -1024)],
  ['half of the end cut off', 'tar_truncated', whole.subarray(0, -512)],
  ['a cut in the last byte', 'tar_truncated', whole.subarray(0, -1)],
  ['a cut in a header', 'tar_truncated', whole.subarray(0, 100)],
  ['a cut behind a header', 'tar_truncated', whole.subarray(0, 512)],
  ['a cut in a content', 'tar_truncated', whole.subarray(0, 515)],
  ['a cut in padding', 'tar_truncated', whole.subarray(0, 700)],
  ['a cut in pax records', 'tar_truncated', whole.subarray(0, 512 * 5 + 512 + 9)],
  [
    'a cut between pax records and their member',
    'tar_truncated',
    whole.subarray(0, 512 * 5 + 1024),
  ],
  ['bytes behind the end', 'tar_malformed', Buffer.concat([whole, Buffer.alloc(512, 1)])],
  ['a second archive behind the end', 'tar_malformed', Buffer.concat([whole, whole])],
  ['one zero too many', 'tar_truncated', Buffer.concat([whole, Buffer.alloc(1)])],
  ['no manifest', 'tar_manifest_missing', archive(digest, root)],
  ['no digest', 'tar_digest_missing', archive(manifest, root)],
  ['no tree', 'tar_missing_parent', archive(manifest, digest)],
  ['no directory above a file', 'tar_missing_parent', archive(manifest, digest, file('rootfs/a'))],
  [
    'two manifests',
    'tar_duplicate_entry',
    archive(manifest, file('./manifest.json', '{}'), digest, root),
  ],
  [
    'a manifest that is a symlink',
    'tar_entry_unexpected',
    archive(symlink('manifest.json', '/etc/shadow'), digest, root),
  ],
  [
    'a manifest that is a directory',
    'tar_entry_unexpected',
    archive(directory('manifest.json/'), digest, root),
  ],
  [
    'a manifest that is not UTF-8',
    'tar_malformed',
    archive(file('manifest.json', base256('7bff7d')), digest, root),
  ],
  [
    'a manifest over its limit',
    'tar_malformed',
    archive(file('manifest.json', Buffer.alloc(2 ** 20 + 1)), digest, root),
  ],
  [
    'a manifest of gigabytes',
    'tar_malformed',
    archive(rawHeader({ name: 'manifest.json', size: '37777777777\0' })),
  ],
  [
    'a digest without a newline',
    'tar_digest_missing',
    archive(manifest, file('composefs-digest', 'a'.repeat(64)), root),
  ],
  [
    'a digest in capitals',
    'tar_digest_missing',
    archive(manifest, file('composefs-digest', `${'A'.repeat(64)}\n`), root),
  ],
  [
    'a digest with more behind it',
    'tar_digest_missing',
    archive(manifest, file('composefs-digest', `${'a'.repeat(64)}\nb`), root),
  ],
  [
    'a tree that is a symlink',
    'tar_entry_unexpected',
    archive(manifest, digest, symlink('rootfs', '/')),
  ],
  ['a tree that is a file', 'tar_entry_unexpected', archive(manifest, digest, file('rootfs'))],
];
