import { xattrNameFilterBit } from './xxh32.ts';

/** EROFS keeps a well-known prefix of an xattr's name as one byte (erofs_fs.h, EROFS_XATTR_INDEX_*). */
const prefixes: readonly [prefix: string, index: number][] = [
  ['user.', 1],
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['trusted.', 4],
  ['security.', 6],
];

const entryHeaderBytes = 4;
export const xattrBodyHeaderBytes = 12;

/** What libcomposefs lets the attributes of one inode take: half of what EROFS could hold. */
export const inodeXattrBytesMax = 32767;

/** An xattr's name as EROFS stores it. */
export interface XattrName {
  readonly full: string;
  readonly index: number;
  readonly suffix: string;
  /** The bit that is cleared in the inode's name filter (a 32-bit Bloom filter) when the inode has this name. */
  readonly filterBit: number;
}

/** A name and value that one or more inodes have. */
export interface UsedXattr {
  readonly name: XattrName;
  readonly value: string;
  /** Bytes of its entry, padded to four. */
  readonly entryBytes: number;
  uses: number;
  /** Offset of its entry in the shared area, or -1 when it is kept in the only inode that has it. */
  sharedOffset: number;
}

/** All distinct xattrs of an image: two inodes with the same name and value get the same object. */
export class XattrTable {
  readonly #names = new Map<string, { name: XattrName; values: Map<string, UsedXattr> }>();

  intern(full: string, value: string): UsedXattr {
    let known = this.#names.get(full);
    if (!known) {
      known = { name: splitName(full), values: new Map() };
      this.#names.set(full, known);
    }
    let xattr = known.values.get(value);
    if (!xattr) {
      const { name } = known;
      const entryBytes = (entryHeaderBytes + name.suffix.length + value.length + 3) & ~3;
      xattr = { name, value, entryBytes, uses: 0, sharedOffset: -1 };
      known.values.set(value, xattr);
    }
    return xattr;
  }

  /**
   * Gives every xattr that two or more inodes have its place in the shared area. The order is libcomposefs': name
   * descending, then longer values first, then value descending.
   */
  placeShared(): { shared: UsedXattr[]; bytes: number } {
    const shared: UsedXattr[] = [];
    for (const { values } of this.#names.values()) {
      for (const xattr of values.values()) if (xattr.uses > 1) shared.push(xattr);
    }
    shared.sort(
      (a, b) => compare(b.name.full, a.name.full) || b.value.length - a.value.length || compare(b.value, a.value),
    );
    let bytes = 0;
    for (const xattr of shared) {
      xattr.sharedOffset = bytes;
      bytes += xattr.entryBytes;
    }
    return { shared, bytes };
  }
}

/** Room that libcomposefs counts for one attribute, worst-case alignment included; the first one costs a header more. */
export function accountedBytes(nameBytes: number, valueBytes: number): number {
  return 2 * entryHeaderBytes - 1 + nameBytes + valueBytes;
}

function splitName(full: string): XattrName {
  for (const [prefix, index] of prefixes) {
    if (full.startsWith(prefix)) {
      const suffix = full.slice(prefix.length);
      return { full, index, suffix, filterBit: xattrNameFilterBit(suffix, index) };
    }
  }
  return { full, index: 0, suffix: full, filterBit: xattrNameFilterBit(full, 0) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
