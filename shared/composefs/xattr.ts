import type { ComposefsNode } from './node.ts';
import { xattrNameFilterBit } from './xxh32.ts';

/**
 * EROFS stores a well-known prefix of an xattr's name as one byte (erofs_fs.h,
 * EROFS_XATTR_INDEX_*). mkcomposefs writes `lustre.` in full, though EROFS has an index for it.
 */
const prefixes: readonly [prefix: string, index: number][] = [
  ['user.', 1],
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['trusted.', 4],
  ['security.', 6],
];

export const xattrEntryHeaderBytes = 4;
export const xattrBodyHeaderBytes = 12;

/**
 * The most that libcomposefs allows for the attributes of one inode: half of what EROFS could
 * store.
 */
export const inodeXattrBytesMax = 32767;

/**
 * Head of overlayfs' metacopy value: version 0, 36 bytes in all, no flags,
 * FS_VERITY_HASH_ALG_SHA256.
 */
const metacopyHeader = '\x00\x24\x00\x01';

/** An xattr's name as EROFS stores it. */
export interface XattrName {
  readonly full: string;
  readonly index: number;
  readonly suffix: string;
  /** The bit that this name clears in the inode's name filter (a 32-bit Bloom filter). */
  readonly filterBit: number;
}

/** A name and value that one or more inodes have. */
export interface UsedXattr {
  readonly name: XattrName;
  /**
   * The value, or a function of the node. Nearly every file has two xattrs with a value of its own.
   * One object then represents all of them, and none of them is shared.
   */
  readonly value: string | XattrOfNode;
  uses: number;
  /** Offset of its entry in the shared area, or -1 when each inode stores its own copy. */
  sharedOffset: number;
}

/** A value that follows from a node. */
export interface XattrOfNode {
  bytes(node: ComposefsNode): number;
  value(node: ComposefsNode): string;
}

/**
 * `trusted.overlay.metacopy` of a file in the store. overlayfs compares the content's fs-verity
 * digest to it.
 */
export const metacopy: XattrOfNode = {
  bytes: ({ digest }) => (digest === '' ? 0 : 36),
  value: ({ digest }) =>
    digest === '' ? '' : metacopyHeader + Buffer.from(digest, 'hex').toString('latin1'),
};

/**
 * `trusted.overlay.redirect` of a file in the store: where overlayfs finds the content in the
 * store.
 */
export const redirect: XattrOfNode = {
  bytes: ({ payload }) => payload.length + 1,
  value: ({ payload }) => `/${payload}`,
};

/** All distinct xattrs of an image. Two inodes with the same name and value get the same object. */
export class XattrTable {
  readonly #names = new Map<string, { name: XattrName; values: Map<string, UsedXattr> }>();

  name(full: string): XattrName {
    return this.#known(full).name;
  }

  intern(full: string, value: string): UsedXattr {
    const { name, values } = this.#known(full);
    let xattr = values.get(value);

    if (!xattr) {
      xattr = { name, value, uses: 0, sharedOffset: -1 };
      values.set(value, xattr);
    }

    return xattr;
  }

  #known(full: string): { name: XattrName; values: Map<string, UsedXattr> } {
    let known = this.#names.get(full);
    if (!known) {
      known = { name: splitName(full), values: new Map() };
      this.#names.set(full, known);
    }

    return known;
  }

  /**
   * Gives every xattr of two or more inodes its place in the shared area. The order is that of
   * libcomposefs: name descending, then longer values first, then value descending.
   */
  placeShared(): { shared: UsedXattr[]; bytes: number } {
    const found: { full: string; value: string; xattr: UsedXattr }[] = [];
    for (const [full, { values }] of this.#names) {
      for (const [value, xattr] of values) if (xattr.uses > 1) found.push({ full, value, xattr });
    }

    found.sort(
      (a, b) =>
        compare(b.full, a.full) || b.value.length - a.value.length || compare(b.value, a.value),
    );

    let bytes = 0;
    for (const { value, xattr } of found) {
      xattr.sharedOffset = bytes;
      bytes += xattrEntryBytes(xattr.name, value.length);
    }

    return { shared: found.map(({ xattr }) => xattr), bytes };
  }
}

/** Bytes of an xattr's value. */
export function xattrValueBytes({ value }: UsedXattr, node: ComposefsNode): number {
  return typeof value === 'string' ? value.length : value.bytes(node);
}

/** Bytes of an entry: header, name and value, padded to four. */
export function xattrEntryBytes(name: XattrName, valueBytes: number): number {
  return (xattrEntryHeaderBytes + name.suffix.length + valueBytes + 3) & ~3;
}

/**
 * Room that libcomposefs counts for one attribute, including worst-case alignment. The first
 * attribute also costs a header.
 */
export function accountedBytes(nameBytes: number, valueBytes: number): number {
  return 2 * xattrEntryHeaderBytes - 1 + nameBytes + valueBytes;
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

/**
 * Returns the name with an entry's prefix and suffix, or undefined for a prefix that EROFS does not
 * have.
 */
export function nameOfXattr(index: number, suffix: string): string | undefined {
  if (index === 0) return suffix;
  const known = prefixes.find(([, other]) => other === index);
  return known && known[0] + suffix;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
