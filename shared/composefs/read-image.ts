import { limits } from '../base/limits/index.ts';
import { ImageReader, invalidImage } from './image-reader.ts';
import { blockBytes, direntBytes, slotBytes, superblockBytes, superblockOffset } from './layout.ts';
import { ComposefsNode, fileType, isKnownType } from './node.ts';
import { XattrReader } from './read-xattrs.ts';
import { xattrBodyHeaderBytes } from './xattr.ts';

/** Data layouts of an inode (erofs_fs.h). composefs does not use those of compressed files. */
const flatPlain = 0;
const flatInline = 2;
const chunkBased = 4;

interface Superblock {
  rootNid: number;
  buildTime: number;
  buildTimeNs: number;
  metaStart: number;
  xattrStart: number;
}

/** The fixed part of an inode and the positions of its other parts. */
interface InodeHead {
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNs: number;
  size: number;
  layout: number;
  /** Device number, first block, or form of chunks. */
  reference: number;
  xattrsAt: number;
  xattrBytes: number;
}

/** A name in a directory that is still to read. */
interface Dirent {
  parent: ComposefsNode | undefined;
  name: string;
  nid: number;
  /** Length of the path up to this name. */
  pathBytes: number;
}

/**
 * Reads a composefs image from mkcomposefs or imageOfTree back into its tree, as `composefs-info
 * dump` does in libcomposefs. It omits the store's whiteouts and restores escaped attributes and
 * whiteouts of the tree. Directories have the size that the image states. An inode with several
 * names belongs to the first one depth first; the others are hard links to it.
 *
 * The image may be hostile. The work is bounded by the length of the image. A returned tree does
 * not prove that imageOfTree would write the same image.
 * @throws GantryError `image_invalid` when the image is not well-formed
 */
export function readImage(image: Uint8Array): ComposefsNode {
  return new TreeReader(new ImageReader(image), image.length).read();
}

class TreeReader {
  readonly #reader: ImageReader;
  readonly #superblock: Superblock;
  readonly #xattrs: XattrReader;
  readonly #nodes = new Map<number, ComposefsNode>();

  constructor(reader: ImageReader, imageBytes: number) {
    this.#reader = reader;
    this.#superblock = readSuperblock(reader, imageBytes);
    this.#xattrs = new XattrReader(reader, this.#superblock.xattrStart);
  }

  read(): ComposefsNode {
    const pending: Dirent[] = [];
    const root = this.#readNode(
      { parent: undefined, name: '', nid: this.#superblock.rootNid, pathBytes: 0 },
      pending,
    );
    if (!root?.isDirectory)
      throw invalidImage('expected the root to be a directory, found another type');

    for (let next = pending.pop(); next; next = pending.pop()) {
      const node = this.#readNode(next, pending);
      if (node !== undefined) next.parent?.children.push(node);
    }

    return root;
  }

  /**
   * Returns the node of an inode, or undefined for a whiteout of the image itself. Adds the names
   * of a directory to `pending`.
   */
  #readNode(dirent: Dirent, pending: Dirent[]): ComposefsNode | undefined {
    const { parent, name, nid, pathBytes } = dirent;
    const target = this.#nodes.get(nid);
    if (target !== undefined) return linkTo(target, name);

    const head = this.#readHead(nid);
    const type = head.mode & fileType.mask;
    if (!isKnownType(head.mode))
      throw invalidImage(`expected a file type, found mode ${head.mode.toString(8)}`);

    const isDevice = type === fileType.character || type === fileType.block;
    if (type === fileType.character && head.reference === 0 && parent !== undefined)
      return undefined;

    const { xattrs, payload, digest, isWhiteout } = this.#xattrs.read(
      head.xattrsAt,
      head.xattrBytes,
      type === fileType.regular,
    );

    const node = new ComposefsNode(
      name,
      isWhiteout ? fileType.character | (head.mode & 0o7777) : head.mode,
    );
    this.#nodes.set(nid, node);
    if (xattrs.length > 0) node.xattrs = xattrs;
    node.nlink = head.nlink;
    node.uid = head.uid;
    node.gid = head.gid;
    node.mtime = head.mtime;
    node.mtimeNs = head.mtimeNs;
    if (isDevice) node.rdev = head.reference;
    if (isWhiteout) return node;

    node.size = head.size;
    node.payload = payload;
    node.digest = digest;

    if (type === fileType.directory) this.#readDirectory(node, head, pathBytes, pending);
    else if (type === fileType.symlink) this.#readTarget(node, head);
    else if (type === fileType.regular && head.size > 0) this.#readContent(node, head);

    return node;
  }

  /**
   * Compact inodes have no time of their own, and smaller fields (EROFS on-disk format, inodes).
   */
  #readHead(nid: number): InodeHead {
    const reader = this.#reader;
    const at = this.#superblock.metaStart + nid * slotBytes;
    const format = reader.u16(at);
    const extended = (format & 1) === 1;
    const xattrUnits = reader.u16(at + 2);
    const xattrBytes = xattrUnits === 0 ? 0 : xattrBodyHeaderBytes + 4 * (xattrUnits - 1);
    const xattrsAt = at + (extended ? 64 : 32);

    reader.claim(at, xattrsAt - at + xattrBytes, 'an inode');
    const common = {
      mode: reader.u16(at + 4),
      layout: format >> 1,
      reference: reader.u32(at + 16),
      xattrsAt,
      xattrBytes,
    };

    if (extended) {
      return {
        ...common,
        size: reader.u64(at + 8, 'the size of a file'),
        uid: reader.u32(at + 24),
        gid: reader.u32(at + 28),
        mtime: reader.i64(at + 32, 'the time of a file'),
        mtimeNs: reader.u32(at + 40),
        nlink: reader.u32(at + 44),
      };
    }

    return {
      ...common,
      size: reader.u32(at + 8),
      uid: reader.u16(at + 24),
      gid: reader.u16(at + 26),
      mtime: this.#superblock.buildTime,
      mtimeNs: this.#superblock.buildTimeNs,
      nlink: reader.u16(at + 6),
    };
  }

  /** Reads the parts of an inode's data: whole blocks elsewhere, and a tail after the inode. */
  #dataParts(
    { size, layout, reference, xattrsAt, xattrBytes }: InodeHead,
    what: string,
  ): [at: number, bytes: number][] {
    if (layout !== flatPlain && layout !== flatInline) {
      throw invalidImage(`expected ${what} in the data layout 0 or 2, found ${layout}`);
    }

    const tailBytes = layout === flatInline ? size % blockBytes : 0;
    const parts: [number, number][] = [];
    if (size > tailBytes) parts.push([reference * blockBytes, size - tailBytes]);
    if (tailBytes > 0) parts.push([xattrsAt + xattrBytes, tailBytes]);
    for (const [at, bytes] of parts) this.#reader.claim(at, bytes, what);

    return parts;
  }

  #readDirectory(
    parent: ComposefsNode,
    head: InodeHead,
    pathBytes: number,
    pending: Dirent[],
  ): void {
    const found: { name: string; nid: number }[] = [];
    for (const [start, bytes] of this.#dataParts(head, 'a directory')) {
      for (let at = start; at < start + bytes; at += blockBytes) {
        this.#readDirents(at, Math.min(blockBytes, start + bytes - at), found);
      }
    }

    // `pending` is a stack, so the last name goes in first. Reading is then depth first in name
    // order.
    for (let i = found.length - 1; i >= 0; i--) {
      const { name, nid } = found[i] as (typeof found)[0];
      const before = found[i - 1];

      if (before !== undefined && before.name >= name) {
        throw invalidImage(
          'expected the names of a directory in order and each once, found another order',
        );
      }

      if (name === '.' || name === '..') continue;

      const bytes = pathBytes + 1 + name.length;
      if (bytes >= limits.pathBytesMax) {
        throw invalidImage(
          `expected paths of less than ${limits.pathBytesMax} bytes, found one of ${bytes}`,
        );
      }

      pending.push({ parent, name, nid, pathBytes: bytes });
    }
  }

  /**
   * Reads one block of a directory: entries, then their names. The last name ends with the block or
   * at a NUL.
   */
  #readDirents(block: number, bytes: number, found: { name: string; nid: number }[]): void {
    const reader = this.#reader;
    const headBytes = reader.u16(block + 8);

    if (headBytes === 0 || headBytes % direntBytes !== 0 || headBytes > bytes) {
      throw invalidImage(
        `expected names of a directory behind its entries in ${bytes} bytes, found ${headBytes}`,
      );
    }

    for (let at = block; at < block + headBytes; at += direntBytes) {
      const isLast = at + direntBytes === block + headBytes;
      const start = reader.u16(at + 8);
      const end = isLast ? bytes : reader.u16(at + direntBytes + 8);

      if (start < headBytes || end <= start || end > bytes) {
        throw invalidImage(
          `expected a name from ${headBytes} to ${bytes} in its block, found ${start} to ${end}`,
        );
      }

      let name = reader.text(block + start, end - start, 'a name');
      const nul = isLast ? name.indexOf('\0') : -1;
      if (nul !== -1) name = name.slice(0, nul);

      if (
        name === '' ||
        name.length > limits.nameBytesMax ||
        name.includes('/') ||
        name.includes('\0')
      ) {
        const expected = `names of 1 to ${limits.nameBytesMax} bytes without / and NUL`;
        throw invalidImage(`expected ${expected}, found ${JSON.stringify(name.slice(0, 40))}`);
      }

      found.push({ name, nid: reader.u64(at, 'the number of an inode') });
    }
  }

  #readTarget(node: ComposefsNode, head: InodeHead): void {
    if (head.size === 0 || head.size >= limits.pathBytesMax) {
      throw invalidImage(
        `expected a target of 1 to ${limits.pathBytesMax - 1} bytes, found ${head.size}`,
      );
    }

    node.payload = this.#readText(head, 'the target of a symlink');
    if (node.payload.includes('\0'))
      throw invalidImage('expected a target without NUL, found one with it');
  }

  #readContent(node: ComposefsNode, head: InodeHead): void {
    if (head.layout === chunkBased) return;
    if (head.size > limits.inlineContentBytesMax) {
      throw invalidImage(
        `expected at most ${limits.inlineContentBytesMax} bytes of content, found ${head.size}`,
      );
    }

    node.content = this.#readText(head, 'the content of a file');
  }

  #readText(head: InodeHead, what: string): string {
    const parts = this.#dataParts(head, what);
    return parts.map(([at, bytes]) => this.#reader.text(at, bytes, what)).join('');
  }
}

function readSuperblock(reader: ImageReader, imageBytes: number): Superblock {
  reader.claim(0, superblockOffset + superblockBytes, 'the superblock');
  const at = superblockOffset;
  const expectNumber = (found: number, expected: number, what: string) => {
    if (found !== expected)
      throw invalidImage(`expected ${what} to be ${expected}, found ${found}`);
  };
  if (reader.u32(0) !== 0xd078629a)
    throw invalidImage('expected a composefs image, found no composefs header in it');

  expectNumber(reader.u32(4), 1, "the version of composefs' header");
  expectNumber(reader.u32(at), 0xe0f5e1e2, "the number of EROFS' superblock");
  expectNumber(reader.u8(at + 12), Math.log2(blockBytes), 'the bits of a block');
  expectNumber(imageBytes, reader.u32(at + 36) * blockBytes, "the image's length in bytes");

  return {
    rootNid: reader.u16(at + 14),
    buildTime: reader.i64(at + 24, 'the time of the image'),
    buildTimeNs: reader.u32(at + 32),
    metaStart: reader.u32(at + 40) * blockBytes,
    xattrStart: reader.u32(at + 44) * blockBytes,
  };
}

/** Adds another name of an inode. A directory has only one name, or reading would never end. */
function linkTo(target: ComposefsNode, name: string): ComposefsNode {
  if (target.isDirectory)
    throw invalidImage('expected each directory under one name, found a second');
  const link = new ComposefsNode(name, target.mode);
  link.link = target;
  return link;
}
