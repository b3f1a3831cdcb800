import { ImageWriter } from './image-writer.ts';
import {
  blockBytes,
  chunkBits,
  type DirectoryBlock,
  directoryBlocks,
  direntBytes,
  type Layout,
  slotBytes,
  superblockOffset,
} from './layout.ts';
import { type ComposefsNode, fileType } from './node.ts';
import type { Inode } from './overlay.ts';
import { type UsedXattr, xattrEntryBytes } from './xattr.ts';

/** Data layouts of an inode (erofs_fs.h). */
const flatPlain = 0;
const flatInline = 2;
const chunkBased = 4;

/** File types in directory entries (erofs_fs.h, EROFS_FT_*). */
const direntTypes: Record<number, number> = {
  [fileType.regular]: 1,
  [fileType.directory]: 2,
  [fileType.character]: 3,
  [fileType.block]: 4,
  [fileType.fifo]: 5,
  [fileType.socket]: 6,
  [fileType.symlink]: 7,
};

/**
 * Writes an image from inodes that have their positions (EROFS on-disk format,
 * https://erofs.docs.kernel.org).
 */
export function writeErofs(layout: Layout): Uint8Array {
  const out = new ImageWriter(layout.imageBytes);
  writeHeader(out, layout);
  writeSuperblock(out, layout);

  let dataAt = layout.dataStart;
  for (let number = 0; number < layout.inodes.length; number++) {
    const inode = layout.inodes[number] as Inode;
    writeInode(out, inode, { number, dataAt, layout });
    if (inode.blocks > 0) writeBlocks(out, inode, dataAt);
    dataAt += inode.blocks * blockBytes;
  }

  const root = layout.inodes[0] as Inode;
  let at = layout.inodesEnd;
  for (const xattr of layout.sharedXattrs) at = writeXattr(out, at, xattr, root.node);

  return out.bytes;
}

/**
 * composefs' own header. It fills the first bytes of the image, which EROFS does not use
 * (lcfs-erofs.h).
 */
function writeHeader(out: ImageWriter, { inodes, version }: Layout): void {
  const hasAcl = inodes.some(({ xattrs }) =>
    xattrs.some(
      ({ name }) =>
        name.full === 'system.posix_acl_access' || name.full === 'system.posix_acl_default',
    ),
  );

  out.u32(0, 0xd078629a);
  out.u32(4, 1);
  out.u32(8, hasAcl ? 1 : 0);
  out.u32(12, version);
}

function writeSuperblock(out: ImageWriter, layout: Layout): void {
  const at = superblockOffset;
  const mtimeAndXattrFilter = 2 | 4;

  out.u32(at, 0xe0f5e1e2);
  out.u32(at + 8, mtimeAndXattrFilter);
  out.u8(at + 12, 12);
  out.u16(at + 14, nid(layout.inodes[0] as Inode));
  out.u64(at + 16, layout.inodes.length);
  out.u64(at + 24, layout.buildTime);
  out.u32(at + 32, layout.buildTimeNs);
  out.u32(at + 36, layout.imageBytes / blockBytes);
  out.u32(at + 44, Math.floor(layout.inodesEnd / blockBytes));
}

function nid(inode: Inode): number {
  return inode.position / slotBytes;
}

function writeInode(
  out: ImageWriter,
  inode: Inode,
  { number, dataAt, layout }: { number: number; dataAt: number; layout: Layout },
): void {
  const { node, position: at, compact, xattrBytes } = inode;
  out.u16(at, (dataLayout(inode) << 1) | (compact ? 0 : 1));
  out.u16(at + 2, xattrBytes === 0 ? 0 : (xattrBytes - 12) / 4 + 1);
  out.u16(at + 4, inode.mode);

  if (compact) {
    out.u16(at + 6, inode.nlink);
    out.u32(at + 8, sizeOf(inode));
    out.u32(at + 20, number);
    out.u16(at + 24, node.uid);
    out.u16(at + 26, node.gid);
  } else {
    out.u64(at + 8, sizeOf(inode));
    out.u32(at + 20, number);
    out.u32(at + 24, node.uid);
    out.u32(at + 28, node.gid);
    out.u64(at + 32, node.mtime);
    out.u32(at + 40, node.mtimeNs);
    out.u32(at + 44, inode.nlink);
  }

  writeDataReference(out, inode, at + 16, dataAt);
  const xattrsAt = at + (compact ? 32 : 64);
  if (xattrBytes > 0) writeInodeXattrs(out, inode, xattrsAt, layout.inodesEnd % blockBytes);
  if (inode.tailBytes > 0) writeTail(out, inode, xattrsAt + xattrBytes);
}

function dataLayout(inode: Inode): number {
  if (inode.isExternal) return chunkBased;
  return inode.tailBytes > 0 ? flatInline : flatPlain;
}

function sizeOf(inode: Inode): number {
  switch (inode.type) {
    case fileType.directory:
      return inode.blocks * blockBytes + inode.tailBytes;
    case fileType.symlink:
      return inode.node.payload.length;
    case fileType.regular:
      return inode.size;
    default:
      return 0;
  }
}

/**
 * Writes the field that says where the data is: device number, first block, or the size of chunks.
 */
function writeDataReference(out: ImageWriter, inode: Inode, at: number, dataAt: number): void {
  const { type } = inode;
  if (type === fileType.character || type === fileType.block) out.u32(at, inode.node.rdev);
  else if (inode.blocks > 0) out.u32(at, dataAt / blockBytes);
  // A chunk list with its own block keeps the upper half of the block's address, as in
  // libcomposefs.
  if (inode.isExternal) out.u16(at, chunkBits(inode.size) - 12);
}

function writeInodeXattrs(
  out: ImageWriter,
  inode: Inode,
  start: number,
  sharedAreaOffset: number,
): void {
  let filter = 0xffff_ffff;
  let shared = 0;
  let at = start + 12;

  for (const { name, sharedOffset } of inode.xattrs) {
    filter &= ~(1 << name.filterBit);
    if (sharedOffset < 0) continue;

    out.u32(at, (sharedAreaOffset + sharedOffset) / 4);
    at += 4;
    shared++;
  }

  out.u32(start, filter);
  out.u8(start + 4, shared);
  for (const xattr of inode.xattrs)
    if (xattr.sharedOffset < 0) at = writeXattr(out, at, xattr, inode.node);
}

/** Writes one entry and returns where the next one starts. */
function writeXattr(out: ImageWriter, at: number, xattr: UsedXattr, node: ComposefsNode): number {
  const { name } = xattr;
  const value = typeof xattr.value === 'string' ? xattr.value : xattr.value.value(node);

  out.u8(at, name.suffix.length);
  out.u8(at + 1, name.index);
  out.u16(at + 2, value.length);
  out.text(at + 4, name.suffix);
  out.text(at + 4 + name.suffix.length, value);

  return at + xattrEntryBytes(name, value.length);
}

/** Writes the data that follows the inode. */
function writeTail(out: ImageWriter, inode: Inode, at: number): void {
  if (inode.type === fileType.directory) {
    writeDirents(out, inode, directoryBlocks(inode.names).at(-1) as DirectoryBlock, at);
  } else if (inode.type === fileType.symlink) {
    out.text(at, inode.node.payload);
  } else if (inode.isExternal) {
    out.fill(at, inode.tailBytes, 0xff);
  } else {
    out.text(at, inode.node.content.slice(inode.size - inode.tailBytes));
  }
}

/** Writes the whole blocks of an inode's data. The rest of the last block stays zero. */
function writeBlocks(out: ImageWriter, inode: Inode, dataAt: number): void {
  if (inode.type === fileType.directory) {
    const parts = directoryBlocks(inode.names);
    for (let i = 0; i < inode.blocks; i++) {
      writeDirents(out, inode, parts[i] as DirectoryBlock, dataAt + i * blockBytes);
    }
  } else if (inode.type === fileType.symlink) {
    out.text(dataAt, inode.node.payload);
  } else if (inode.isExternal) {
    out.fill(dataAt, blockBytes, 0xff);
  } else {
    out.text(dataAt, inode.node.content.slice(0, inode.size - inode.tailBytes));
  }
}

function writeDirents(
  out: ImageWriter,
  inode: Inode,
  { first, end }: DirectoryBlock,
  start: number,
): void {
  let nameOffset = (end - first) * direntBytes;
  let at = start;

  for (let i = first; i < end; i++) {
    const entry = inode.entries[i] as Inode;
    const name = inode.names[i] as string;

    out.u64(at, nid(entry));
    out.u16(at + 8, nameOffset);
    out.u8(at + 10, direntTypes[entry.type] ?? 0);
    out.text(start + nameOffset, name);
    nameOffset += name.length;
    at += direntBytes;
  }
}
