import { limits } from '../base/limits/index.ts';
import { type DumpLine, u32Max } from './dump-line.ts';
import { isDigest, shown } from './dump-text.ts';
import { type ComposefsNode, fileType, isKnownType, noXattrs, type Xattr } from './node.ts';
import { accountedBytes, inodeXattrBytesMax, xattrBodyHeaderBytes } from './xattr.ts';

/** Reads the mode of a line, and whether the line is a hard link. */
export function readMode(line: DumpLine): { mode: number; isLink: boolean } {
  const start = line.start(2);
  const isLink = line.text.charCodeAt(start) === 0x40;

  // Drops bits beyond the sixteen of a mode, as mkcomposefs does.
  const mode =
    line.integer({
      start: isLink ? start + 1 : start,
      end: line.end(2),
      field: 2,
      base: 8,
      max: u32Max,
    }) & 0xffff;

  if (!isKnownType(mode))
    throw line.error(`expected a mode with a file type, found ${mode.toString(8)}`);
  return { mode, isLink };
}

export function readInode(node: ComposefsNode, line: DumpLine): void {
  node.size = line.decimal(1, Number.MAX_SAFE_INTEGER);
  node.nlink = line.decimal(3, u32Max);
  node.uid = line.decimal(4, u32Max);
  node.gid = line.decimal(5, u32Max);

  const isDevice = node.type === fileType.character || node.type === fileType.block;
  const rdev = line.decimal(6, isDevice ? u32Max : Number.MAX_VALUE);
  if (isDevice) node.rdev = rdev;
  const start = line.start(7);
  const end = line.end(7);
  const dot = line.text.indexOf('.', start);

  if (dot === -1 || dot >= end) {
    throw line.error(
      `expected the mtime as seconds.nanoseconds, found ${shown(line.text.slice(start, end))}`,
    );
  }

  const before = line.text.charCodeAt(start) === 0x2d;
  const seconds = line.integer({
    start: before ? start + 1 : start,
    end: dot,
    field: 7,
    base: 10,
    max: Number.MAX_SAFE_INTEGER,
  });

  node.mtime = before ? -seconds : seconds;
  node.mtimeNs = line.integer({ start: dot + 1, end, field: 7, base: 10, max: u32Max });
}

export function readContent(node: ComposefsNode, line: DumpLine): void {
  const { type, size } = node;
  node.payload = line.optional(8);

  if (node.payload.length >= limits.pathBytesMax) {
    throw line.error(
      `expected a payload of less than ${limits.pathBytesMax} bytes, found ${node.payload.length}`,
    );
  }

  const content = line.optional(9, true);
  if (content !== '' && content.length !== size) {
    throw line.error(
      `expected a content of ${size} bytes as the size says, found ${content.length}`,
    );
  }

  if (type === fileType.symlink) {
    if (node.payload === '')
      throw line.error('expected the target of a symlink in the payload, found none');
    node.size = node.payload.length;
  } else {
    if (content.length > limits.inlineContentBytesMax) {
      throw line.error(
        `expected at most ${limits.inlineContentBytesMax} bytes of inline content, found ${content.length}`,
      );
    }
    node.content = content;
  }

  const field = line.optional(10);
  const digest = field === '' || isDigest(field) ? field : field.toLowerCase();
  if (digest !== '' && !isDigest(digest)) {
    throw line.error(`expected a digest of 64 hex digits, found ${shown(field)}`);
  }

  node.digest = digest;
}

/** Trees repeat a few lists of xattrs on many files, so each list is decoded and kept once. */
export class XattrLists {
  readonly #lists = new Map<string, Xattr[]>();

  read(line: DumpLine): Xattr[] {
    const list = line.xattrs;
    if (list === null) return noXattrs;

    const known = this.#lists.get(list);
    if (known) return known;
    if (list.length > 0xffff)
      throw line.error(`expected at most 65535 bytes of xattrs, found ${list.length}`);

    const xattrs = new Map<string, Xattr>();
    let bytes = xattrBodyHeaderBytes;

    for (const field of (list.endsWith(' ') ? list.slice(0, -1) : list).split(' ')) {
      const xattr = readXattr(line, field);
      xattrs.delete(xattr.name);
      xattrs.set(xattr.name, xattr);
      bytes += accountedBytes(xattr.name.length, xattr.value.length);
    }

    if (bytes > inodeXattrBytesMax) {
      throw line.error(`expected xattrs of at most ${inodeXattrBytesMax} bytes, found ${bytes}`);
    }

    const decoded = [...xattrs.values()];
    this.#lists.set(list, decoded);
    return decoded;
  }
}

function readXattr(line: DumpLine, field: string): Xattr {
  const equals = field.indexOf('=');
  if (equals === -1) throw line.error(`expected an xattr as name=value, found ${shown(field)}`);

  const name = line.unescape(field.slice(0, equals), 'xattr');
  if (name === '' || name.length > limits.nameBytesMax || name.includes('\0')) {
    throw line.error(
      `expected an xattr name of 1 to ${limits.nameBytesMax} bytes, found ${shown(name)}`,
    );
  }

  return { name, value: line.unescape(field.slice(equals + 1), 'xattr') };
}
