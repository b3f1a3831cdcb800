import { paxMember, rawMember } from '../tar-archive.ts';
import { directory, file, hardLink, longName, symlink } from './members.ts';

const deep = `rootfs/deep${'/directory'.repeat(12)}`;
/** Each directory above it, by a pax name, since those that lie deep fit no header. */
const ancestors = deep
  .split('/')
  .map((_, index, parts) => parts.slice(0, index + 1).join('/'))
  .slice(1)
  .map((path) => Buffer.concat([paxMember({ path }), directory('d')]));
const gnu = (fields: object, content = '') => rawMember({ magic: 'ustar  \0', ...fields }, content);

/** A number as GNU tar writes it where octal digits do not suffice. */
function base256(value: bigint, bytes: number): Buffer {
  const field = Buffer.alloc(bytes);
  for (let at = bytes - 1, rest = value; at >= 0; at--, rest >>= 8n)
    field[at] = Number(rest & 255n);
  field[0] = value < 0n ? 0xff : 0x80;
  return field;
}

/**
 * Odd archives that mean one thing only; GNU tar, as root, must make of them what is read from
 * them.
 */
export const legalMembers: [what: string, members: Buffer[]][] = [
  ['a pax path over another name', [paxMember({ path: 'rootfs/real' }), file('rootfs/decoy')]],
  [
    'a pax link target over another',
    [paxMember({ linkpath: '/real' }), symlink('rootfs/a', '/decoy')],
  ],
  [
    'a pax hard link over another',
    [
      file('rootfs/f', 'f'),
      file('rootfs/g', 'g'),
      paxMember({ linkpath: 'rootfs/g' }),
      hardLink('rootfs/h', 'rootfs/f'),
    ],
  ],
  ['a pax size that agrees', [paxMember({ size: '3' }), file('rootfs/a', 'abc')]],
  ['pax times to the nanosecond', [paxMember({ mtime: '1700000000.123456789' }), file('rootfs/a')]],
  ['a time before 1970', [paxMember({ mtime: '-1.25' }), file('rootfs/a')]],
  ['GNU long names', [...ancestors, longName('L', `${deep}/file\0`), gnu({ name: 'cut' }, 'x')]],
  [
    'a GNU long link and a long name',
    [
      longName('K', `/${'x'.repeat(300)}\0`),
      longName('L', 'rootfs/a\0'),
      gnu({ name: 'cut', type: '2', link: 'cut' }),
    ],
  ],
  ['a ustar prefix', [...ancestors, rawMember({ name: 'file', prefix: deep }, 'x')]],
  ['a name that fills its field', [file(`rootfs/${'a'.repeat(93)}`)]],
  [
    'numbers in base 256',
    [
      gnu(
        {
          name: 'rootfs/a',
          uid: base256(3_000_000n, 8),
          gid: base256(70_000n, 8),
          mtime: base256(-1000n, 12),
        },
        'x',
      ),
    ],
  ],
  [
    'numbers with blanks',
    [
      rawMember(
        { name: 'rootfs/a', mode: '   644 \0', uid: '      7 ', size: '          1 ' },
        'x',
      ),
    ],
  ],
  [
    'set-uid, set-gid and sticky',
    [
      rawMember({ name: 'rootfs/a', mode: '0004755\0' }, 'x'),
      rawMember({ name: 'rootfs/b', mode: '0002755\0' }, 'x'),
      rawMember({ name: 'rootfs/t', type: '5', mode: '0001777\0' }),
    ],
  ],
  ['file type bits in the mode', [rawMember({ name: 'rootfs/a', mode: '0100644\0' }, 'x')]],
  [
    'a capability',
    [
      paxMember({
        'SCHILY.xattr.security.capability': Buffer.from(
          '0100000200040000000000000000000000000000',
          'hex',
        ),
      }),
      file('rootfs/a'),
    ],
  ],
  [
    'attributes of overlayfs',
    [
      paxMember({
        'SCHILY.xattr.trusted.overlay.redirect': '/etc',
        'SCHILY.xattr.trusted.overlay.opaque': 'y',
      }),
      directory('rootfs/a'),
    ],
  ],
  [
    'an attribute with = and % in its name',
    [paxMember({ 'SCHILY.xattr.user.a%3Db%25': 'v' }), file('rootfs/a')],
  ],
  [
    'a chain of hard links to a file with attributes',
    [
      paxMember({ 'SCHILY.xattr.user.a': 'v', mtime: '5.5' }),
      file('rootfs/a', 'y'.repeat(100)),
      hardLink('rootfs/b', 'rootfs/a'),
      hardLink('rootfs/c', './rootfs/b'),
    ],
  ],
  [
    'hard links to a symlink and a fifo (report tar-kinds, libarchive#1044)',
    [
      paxMember({ mtime: '5.5' }),
      symlink('rootfs/a', '/etc/shadow'),
      hardLink('rootfs/b', 'rootfs/a'),
      rawMember({ name: 'rootfs/p', type: '6' }),
      hardLink('rootfs/q', 'rootfs/p'),
    ],
  ],
  [
    'a directory twice, the root too (report image-layers, rules_img#754)',
    [directory('rootfs/a/'), file('rootfs/a/b'), directory('rootfs/a'), directory('rootfs')],
  ],
  [
    'directories that come after their files',
    [
      file('rootfs/a/b/c'),
      rawMember({ name: 'rootfs/a/b', type: '5', mode: '0000750\0' }),
      rawMember({ name: 'rootfs/a', type: '5', mode: '0000711\0', mtime: '00000000007\0' }),
    ],
  ],
  [
    'a comment for all entries (report tar-kinds, git archive)',
    [rawMember({ name: 'pax_global_header', type: 'g' }, '13 comment=a\n'), file('rootfs/a')],
  ],
  [
    'attributes as bsdtar writes them twice (report tar-kinds)',
    [
      paxMember({
        'LIBARCHIVE.creationtime': '1700000000.5',
        'LIBARCHIVE.xattr.user.a': 'eA',
        'SCHILY.fflags': 'nodump',
        'SCHILY.xattr.user.a': 'x',
      }),
      file('rootfs/a'),
    ],
  ],
  [
    'the charsets that change no name',
    [
      paxMember({ hdrcharset: 'BINARY', path: 'rootfs/\u00e9' }),
      file('rootfs/a'),
      paxMember({ hdrcharset: 'ISO-IR 10646 2000 UTF-8' }),
      file('rootfs/b'),
    ],
  ],
  ['names for whiteouts of images', [file('rootfs/.wh.a'), file('rootfs/.wh..wh..opq')]],
  [
    'names of odd bytes',
    [
      'rootfs/a\\b',
      'rootfs/new\nline',
      'rootfs/-rf',
      'rootfs/*',
      'rootfs/ ',
      'rootfs/\u202egnp',
      'rootfs/\u00e9',
      'rootfs/e\u0301',
    ].map((name) => file(name)),
  ],
  [
    'symlinks to anywhere',
    [
      symlink('rootfs/a', '/etc/shadow'),
      symlink('rootfs/b', '../../../..'),
      symlink('rootfs/c', 'c'),
      symlink('rootfs/d', 'nowhere'),
    ],
  ],
  ['a fifo', [rawMember({ name: 'rootfs/pipe', type: '6' })]],
  [
    'records that say nothing of the tree',
    [
      paxMember({ comment: 'x'.repeat(100_000), atime: '1', ctime: '2', uname: 'nobody' }),
      file('rootfs/a'),
    ],
  ],
  [
    'an owner whose name says otherwise',
    [rawMember({ name: 'rootfs/a', uid: '0000007\0', userName: 'nobody' }, 'x')],
  ],
  ['rootfs in rootfs', [directory('rootfs/rootfs'), file('rootfs/rootfs/manifest.json')]],
  ['an old NUL for a regular file', [rawMember({ name: 'rootfs/a', type: '\0' }, 'x')]],
];
