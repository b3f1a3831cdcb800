import { GantryError } from '../base/error.ts';
import { fileType } from './node.ts';
import type { Inode, OverlayTree } from './overlay.ts';
import { type UsedXattr, xattrBodyHeaderBytes, xattrEntryBytes, xattrValueBytes } from './xattr.ts';

export const blockBytes = 4096;
export const superblockOffset = 1024;
export const superblockBytes = 128;
/** Inodes start at multiples of this. Their number (`nid`) is offset / slot. */
export const slotBytes = 32;
export const direntBytes = 12;

const compactInodeBytes = 32;
const extendedInodeBytes = 64;
const sharedReferenceBytes = 4;
/**
 * Chunks that are all holes describe a file in the store. libcomposefs keeps their list within one
 * block.
 */
const chunksMax = 1024;
const chunkBitsMax = 12 + 31;

/** The positions of all parts of an image. Each inode holds its own position. */
export interface Layout {
  inodes: Inode[];
  version: 0 | 1;
  /** The oldest time in the tree. Compact inodes have no time of their own and get this one. */
  buildTime: number;
  buildTimeNs: number;
  inodesEnd: number;
  sharedXattrs: UsedXattr[];
  sharedXattrsEnd: number;
  dataStart: number;
  imageBytes: number;
}

/**
 * Gives every inode its position: one directly after the other behind the superblock. Padding keeps
 * the data after an inode within one block (lcfs-writer-erofs.c, compute_erofs_inodes).
 */
export function layOut({ inodes, table, version }: OverlayTree): Layout {
  const { shared, bytes: sharedBytes } = table.placeShared();
  const { mtime: buildTime, mtimeNs: buildTimeNs } = oldest(inodes);
  let position = superblockOffset + superblockBytes;
  let blocks = 0;

  for (const inode of inodes) {
    measureData(inode);
    inode.compact = fitsCompact(inode, buildTime, buildTimeNs);
    inode.xattrBytes = measureXattrs(inode);

    const headBytes = (inode.compact ? compactInodeBytes : extendedInodeBytes) + inode.xattrBytes;
    position = roundUp(position, slotBytes);
    position += tailPadding(inode, position, headBytes);
    inode.position = position;
    position += headBytes + inode.tailBytes;
    blocks += inode.blocks;
  }

  const inodesEnd = roundUp(position, slotBytes);
  const sharedXattrsEnd = inodesEnd + sharedBytes;
  const dataStart = roundUp(sharedXattrsEnd, blockBytes);
  const imageBytes = dataStart + blocks * blockBytes;

  return {
    inodes,
    version,
    buildTime,
    buildTimeNs,
    inodesEnd,
    sharedXattrs: shared,
    sharedXattrsEnd,
    dataStart,
    imageBytes,
  };
}

/**
 * Returns the chunk size of a file in the store as a power of two: the smallest with which one
 * chunk holds the file.
 */
export function chunkBits(size: number): number {
  if (size <= blockBytes) return 12;
  const bits = size <= 2 ** 31 ? 32 - Math.clz32(size - 1) : Math.ceil(Math.log2(size));
  return Math.min(bits, chunkBitsMax);
}

/**
 * The directory entries of one block: the index range from `first` up to `end`, and their bytes.
 */
export interface DirectoryBlock {
  first: number;
  end: number;
  bytes: number;
}

/**
 * Splits a directory's entries into blocks. The last block may be partial and then follows the
 * inode.
 */
export function directoryBlocks(names: string[]): DirectoryBlock[] {
  const out: DirectoryBlock[] = [];
  let first = 0;
  let bytes = 0;

  for (let i = 0; i < names.length; i++) {
    const length = direntBytes + (names[i] as string).length;
    if (bytes + length > blockBytes) {
      out.push({ first, end: i, bytes });
      first = i;
      bytes = 0;
    }

    bytes += length;
  }

  out.push({ first, end: names.length, bytes });
  return out;
}

export function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

function oldest(inodes: Inode[]): { mtime: number; mtimeNs: number } {
  let { mtime, mtimeNs } = (inodes[0] as Inode).node;
  for (const { node } of inodes) {
    if (node.mtime < mtime || (node.mtime === mtime && node.mtimeNs < mtimeNs))
      ({ mtime, mtimeNs } = node);
  }

  return { mtime, mtimeNs };
}

/**
 * Splits the data of an inode into whole blocks and a tail. A tail of more than half a block
 * becomes a block.
 */
function measureData(inode: Inode): void {
  const { type } = inode;
  if (type === fileType.directory) {
    const parts = directoryBlocks(inode.names);
    splitTail(inode, parts.length - 1, (parts.at(-1) as DirectoryBlock).bytes);
  } else if (type === fileType.symlink) {
    inode.tailBytes = inode.node.payload.length;
  } else if (inode.isExternal) {
    const chunks = Math.ceil(inode.size / 2 ** chunkBits(inode.size));
    if (chunks > chunksMax) {
      const found = `${inode.size} bytes in ${inode.node.name}`;
      throw new GantryError('tree_invalid', `expected files of at most 2^53 bytes, found ${found}`);
    }

    inode.tailBytes = chunks * 4;
  } else if (type === fileType.regular) {
    splitTail(inode, Math.floor(inode.size / blockBytes), inode.size % blockBytes);
  }
}

function splitTail(inode: Inode, blocks: number, tailBytes: number): void {
  const inline = tailBytes <= blockBytes / 2;
  inode.blocks = inline ? blocks : blocks + 1;
  inode.tailBytes = inline ? tailBytes : 0;
}

/**
 * EROFS counts them in a byte (erofs_fs.h, h_shared_count). mkcomposefs lets the byte overflow, and
 * no kernel can read that image.
 */
const sharedXattrsMax = 255;

/**
 * The small form of an inode has no time, 16 bits each for owners and links, and 32 for the size.
 */
function fitsCompact(inode: Inode, buildTime: number, buildTimeNs: number): boolean {
  const { node } = inode;
  if (node.mtime !== buildTime || node.mtimeNs !== buildTimeNs) return false;
  if (inode.nlink > 0xffff || node.uid > 0xffff || node.gid > 0xffff) return false;

  const size =
    inode.type === fileType.directory ? inode.blocks * blockBytes + inode.tailBytes : inode.size;
  return size <= 0xffff_ffff;
}

function measureXattrs(inode: Inode): number {
  if (inode.xattrs.length === 0) return 0;

  let bytes = xattrBodyHeaderBytes;
  let shared = 0;

  for (const xattr of inode.xattrs) {
    const own = xattr.sharedOffset < 0;
    if (!own) shared++;
    bytes += own
      ? xattrEntryBytes(xattr.name, xattrValueBytes(xattr, inode.node))
      : sharedReferenceBytes;
  }

  if (shared <= sharedXattrsMax) return bytes;
  throw new GantryError(
    'tree_invalid',
    `expected at most ${sharedXattrsMax} extended attributes that a file has in common with others, found ${shared} on ` +
      `${inode.node.name || '/'}`,
    { expected: sharedXattrsMax, found: shared },
  );
}

/**
 * Returns the padding before an inode at `position`, so that its tail lies within one block. A
 * symlink stays whole, inode and target. A target too long for that gets a block, and so does any
 * other tail that padding by slots cannot place.
 */
function tailPadding(inode: Inode, position: number, headBytes: number): number {
  const toNextBlock = roundUp(position, blockBytes) - position;
  if (inode.type === fileType.symlink) {
    const bytes = headBytes + inode.tailBytes;
    if (bytes >= blockBytes) moveTailToBlock(inode);
    const crosses =
      Math.floor(position / blockBytes) !== Math.floor((position + bytes - 1) / blockBytes);
    return crosses ? toNextBlock : 0;
  }

  const room = blockBytes - ((position + headBytes) % blockBytes);
  if (room >= inode.tailBytes) return 0;

  const padding = roundUp(room, slotBytes);
  if (inode.tailBytes <= blockBytes - ((position + headBytes + padding) % blockBytes))
    return padding;

  moveTailToBlock(inode);
  return toNextBlock;
}

function moveTailToBlock(inode: Inode): void {
  inode.blocks++;
  inode.tailBytes = 0;
}
