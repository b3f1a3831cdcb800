import type { ErrorCode } from '../../../shared/base/error-codes.ts';
import { paxMember, rawHeader, rawMember } from '../tar-archive.ts';
import { directory, file, hardLink, longName, symlink } from './members.ts';

/**
 * What is wrong, the code that refuses it, and the members that follow the three that every module
 * tar has.
 */
export const hostileMembers: [what: string, code: ErrorCode, members: Buffer[]][] = [
  ['an absolute path', 'tar_path_absolute', [file('/rootfs/a')]],
  [
    'an absolute path in a pax record',
    'tar_path_absolute',
    [paxMember({ path: '/etc/passwd' }), file('rootfs/a')],
  ],
  ['..', 'tar_path_traversal', [file('rootfs/../a')]],
  ['.. at the end', 'tar_path_traversal', [directory('rootfs/..')]],
  [
    '.. in a pax record',
    'tar_path_traversal',
    [paxMember({ path: 'rootfs/../../etc' }), file('rootfs/a')],
  ],
  ['a . component', 'tar_path_traversal', [file('rootfs/./a')]],
  ['./ twice', 'tar_path_traversal', [file('././rootfs/a')]],
  ['an empty component', 'tar_path_traversal', [file('rootfs//a')]],
  ['two slashes at the end', 'tar_path_traversal', [directory('rootfs/a//')]],
  ['an empty name', 'tar_malformed', [file('')]],
  ['NUL in a pax path', 'tar_malformed', [paxMember({ path: 'rootfs/a\0b' }), file('rootfs/a')]],
  ['NUL in a GNU long name', 'tar_malformed', [longName('L', 'rootfs/a\0b\0'), file('rootfs/a')]],
  ['a name that is not UTF-8', 'tar_path_not_utf8', [file(Buffer.from('rootfs/\xff', 'latin1'))]],
  [
    'a surrogate in a name',
    'tar_path_not_utf8',
    [file(Buffer.from('726f6f7466732feda080', 'hex'))],
  ],
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
  [
    'a long symlink target',
    'tar_path_too_long',
    [paxMember({ linkpath: 'a'.repeat(4096) }), symlink('rootfs/a', 'b')],
  ],
  [
    'a file behind a symlink',
    'tar_path_through_symlink',
    [symlink('rootfs/a', '/etc'), file('rootfs/a/b')],
  ],
  [
    'a file deep behind a symlink',
    'tar_path_through_symlink',
    [symlink('rootfs/a', '.'), file('rootfs/a/b/c')],
  ],
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
    'a hard link to a directory',
    'tar_hardlink_invalid',
    [directory('rootfs/a/'), hardLink('rootfs/b', 'rootfs/a')],
  ],
  ['a hard link to nothing', 'tar_hardlink_invalid', [hardLink('rootfs/b', 'rootfs/a')]],
  ['a hard link to itself', 'tar_hardlink_invalid', [hardLink('rootfs/b', 'rootfs/b')]],
  [
    'a hard link to a later file',
    'tar_hardlink_invalid',
    [hardLink('rootfs/a', 'rootfs/b'), file('rootfs/b')],
  ],
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
  [
    'a directory, then a symlink',
    'tar_duplicate_entry',
    [directory('rootfs/a/'), symlink('rootfs/a', '/')],
  ],
  [
    'a directory twice, with two modes',
    'tar_duplicate_entry',
    [directory('rootfs/a/'), rawMember({ name: 'rootfs/a', type: '5', mode: '0000700\0' })],
  ],
  ['manifest.json twice', 'tar_duplicate_entry', [file('manifest.json')]],
  ['composefs-digest twice', 'tar_duplicate_entry', [file('./composefs-digest')]],
  ['a missing parent', 'tar_missing_parent', [file('rootfs/a/b')]],
  [
    'a parent that comes later as a symlink',
    'tar_missing_parent',
    [file('rootfs/a/b'), symlink('rootfs/a', '/etc')],
  ],
  [
    'a missing parent whose own parent comes later as a symlink',
    'tar_missing_parent',
    [file('rootfs/a/b/c'), symlink('rootfs/a', '/etc')],
  ],
  ['a file with a slash at its end', 'tar_malformed', [file('rootfs/a/')]],
  ['another file at the top', 'tar_entry_unexpected', [file('README')]],
  ['a name that begins like rootfs', 'tar_entry_unexpected', [directory('rootfsx/')]],
  ['a top directory that is a file', 'tar_entry_unexpected', [file('.')]],
  [
    'a character device',
    'tar_device_refused',
    [rawMember({ name: 'rootfs/a', type: '3', devMajor: '0000001\0' })],
  ],
  ['a block device', 'tar_device_refused', [rawMember({ name: 'rootfs/a', type: '4' })]],
  ['a whiteout', 'tar_device_refused', [rawMember({ name: 'rootfs/a', type: '3' })]],
  ['a GNU sparse file', 'tar_sparse_refused', [rawMember({ name: 'rootfs/a', type: 'S' })]],
  [
    'a pax sparse file',
    'tar_sparse_refused',
    [paxMember({ 'GNU.sparse.major': '1' }), file('rootfs/a')],
  ],
  [
    'a global pax header',
    'tar_entry_type_unsupported',
    [rawMember({ name: 'g', type: 'g' }, '9 path=a\n')],
  ],
  [
    'a global header between a pax header and its entry',
    'tar_malformed',
    [
      paxMember({ mtime: '1' }),
      rawMember({ name: 'g', type: 'g' }, '13 comment=a\n'),
      file('rootfs/a'),
    ],
  ],
  ['a contiguous file', 'tar_entry_type_unsupported', [rawMember({ name: 'rootfs/a', type: '7' })]],
  ['a volume label', 'tar_entry_type_unsupported', [rawMember({ name: 'rootfs/a', type: 'V' })]],
  [
    'a type beyond ASCII',
    'tar_entry_type_unsupported',
    [rawMember({ name: 'rootfs/a', type: '\u0009' })],
  ],
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
  [
    'two GNU names',
    'tar_malformed',
    [longName('L', 'rootfs/a\0'), longName('L', 'rootfs/b\0'), file('rootfs/c')],
  ],
  ['a GNU link name for a file', 'tar_malformed', [longName('K', 'rootfs/a\0'), file('rootfs/c')]],
  [
    'a pax link path for a directory',
    'tar_malformed',
    [paxMember({ linkpath: 'a' }), directory('rootfs/c/')],
  ],
  ['a pax header at the end', 'tar_malformed', [paxMember({ path: 'rootfs/a' })]],
  ['an empty pax header', 'tar_malformed', [rawMember({ name: 'x', type: 'x' }), file('rootfs/c')]],
  [
    'an absurd pax header',
    'tar_malformed',
    [rawHeader({ name: 'x', type: 'x', size: '77777777777\0' })],
  ],
  [
    'an absurd GNU name',
    'tar_malformed',
    [rawHeader({ name: 'x', type: 'L', size: '00001000000\0' })],
  ],
  [
    'a pax size unlike the header',
    'tar_malformed',
    [paxMember({ size: '0' }), file('rootfs/a', 'abc')],
  ],
  [
    'a pax size where the header says zero',
    'tar_malformed',
    [paxMember({ size: '512' }), rawMember({ name: 'rootfs/a' }), Buffer.alloc(512)],
  ],
  [
    'an owner that means none',
    'tar_malformed',
    [paxMember({ uid: '4294967295' }), file('rootfs/a')],
  ],
  ['a directory with content', 'tar_malformed', [rawMember({ name: 'rootfs/a', type: '5' }, 'x')]],
  [
    'a symlink with content',
    'tar_malformed',
    [rawMember({ name: 'rootfs/a', type: '2', link: 'b' }, 'x')],
  ],
  ['a symlink to nowhere', 'tar_malformed', [symlink('rootfs/a', '')]],
  [
    'padding that hides bytes',
    'tar_malformed',
    [rawHeader({ name: 'rootfs/a' }, 1), Buffer.alloc(512, 'x')],
  ],
  ['a lone zero block', 'tar_malformed', [Buffer.alloc(512), file('rootfs/a')]],
  [
    'a file larger than any layer',
    'layer_too_large',
    [rawHeader({ name: 'rootfs/a', size: '77777777777\0' })],
  ],
  [
    'a file behind another file that stands in for a directory',
    'tar_missing_parent',
    [file('rootfs/a'), file('rootfs/a/b/c')],
  ],
];
