import type { ErrorCode } from '../../../shared/base/error-codes.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { paxMember, rawHeader, rawMember, rawModuleTar, tarEnd } from '../tar-archive.ts';
import { directory, file, hardLink } from './members.ts';

const head = rawModuleTar([], Buffer.alloc(0));

function* archive(members: Iterable<Buffer>): Generator<Buffer> {
  yield head;
  yield* members;
  yield tarEnd;
}

function* times(count: number, make: (index: number) => Buffer, atOnce = 100): Generator<Buffer> {
  for (let at = 0; at < count; at += atOnce) {
    yield Buffer.concat(
      Array.from({ length: Math.min(atOnce, count - at) }, (_, index) => make(at + index)),
    );
  }
}

function* nested(levels: number): Generator<Buffer> {
  for (let level = 1; level <= levels; level++) {
    yield Buffer.concat([
      paxMember({ path: `rootfs${'/d'.repeat(level)}` }),
      directory('rootfs/d'),
    ]);
  }
}

/** Some 40,000 files, each below fourteen directories with names of 240 bytes. */
function* longPaths(): Generator<Buffer> {
  for (let top = 0; top < 100; top++) {
    let path = `rootfs/${top}`;
    yield directory(path);

    for (let level = 0; level < 14; level++) {
      path += `/${'é'.repeat(120)}`;
      yield Buffer.concat([paxMember({ path }), directory('d')]);
    }

    yield* times(400, (index) =>
      Buffer.concat([paxMember({ path: `${path}/${index}` }), file('f', '')]),
    );
  }
}

/** Archives that are large, or small and large once read. They are made while they are read. */
export const bombs: [
  what: string,
  outcome: ErrorCode | 'accepted',
  chunks: () => Iterable<Buffer>,
][] = [
  [
    'a file more than a layer may have',
    'layer_entries_too_many',
    () => archive(times(limits.layerEntriesMax, (index) => rawHeader({ name: `rootfs/${index}` }))),
  ],
  ['paths of more bytes than an index may have', 'layer_too_large', () => archive(longPaths())],
  [
    'attributes of more bytes than an index may have',
    'layer_too_large',
    () => {
      const value = Buffer.alloc(30_000, 'a');
      return archive(
        times(4000, (index) =>
          Buffer.concat([paxMember({ 'SCHILY.xattr.user.a': value }), file(`rootfs/${index}`, '')]),
        ),
      );
    },
  ],
  [
    'hard links to one file that would fill a disk',
    'layer_too_large',
    () => {
      const mebibytes = 16;
      const links = times(limits.layerUnpackedBytesMax / (mebibytes * 1024 ** 2), (index) =>
        hardLink(`rootfs/${index}`, 'rootfs/a'),
      );
      return archive([file('rootfs/a', Buffer.alloc(mebibytes * 1024 ** 2)), ...links]);
    },
  ],
  [
    'a hundred pax headers of a megabyte each',
    'accepted',
    () => {
      const comment = Buffer.alloc(1_000_000, 'a');
      return archive(
        times(100, (index) => Buffer.concat([paxMember({ comment }), file(`rootfs/${index}`)]), 1),
      );
    },
  ],
  [
    'a pax header of a hundred thousand attributes',
    'tar_malformed',
    () =>
      archive([
        paxMember(
          Object.fromEntries(
            Array.from({ length: 100_000 }, (_, index) => [`SCHILY.xattr.user.${index}`, '']),
          ),
        ),
        file('rootfs/a'),
      ]),
  ],
  ['directories as deep as a path can be', 'accepted', () => archive(nested(2040))],
  ['directories deeper than a path can be', 'tar_path_too_long', () => archive(nested(2060))],
  [
    'ten thousand extended headers before one entry',
    'tar_malformed',
    () => archive(times(10_000, () => paxMember({ mtime: '1' }))),
  ],
  [
    'a member of zeros as large as a layer',
    'layer_too_large',
    () => archive([rawHeader({ name: 'rootfs/a', size: '77777777777\0' }), rawMember({})]),
  ],
];
