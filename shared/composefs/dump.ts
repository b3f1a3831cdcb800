import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { isDigest, lookUp, plainSlash, shown } from './dump-text.ts';
import { unescapeField } from './escape.ts';
import { ComposefsNode, fileType, isKnownType, sortChildren, type Xattr } from './node.ts';
import { accountedBytes, inodeXattrBytesMax, xattrBodyHeaderBytes } from './xattr.ts';

const fieldNames = [
  'path',
  'size',
  'mode',
  'nlink',
  'uid',
  'gid',
  'rdev',
  'mtime',
  'payload',
  'content',
  'digest',
];
const u32Max = 0xffff_ffff;
const newline = 0x0a;
const noBytes = new Uint8Array();

/** A number in a line: its place in the text, the field it belongs to, and its largest value. */
interface NumberField {
  text: string;
  start: number;
  end: number;
  field: number;
  base: 8 | 10;
  max: number;
}

/**
 * Where the fixed fields of the current line start. All lines share one array, because the reader
 * is not re-entrant.
 */
type Bounds = number[];

/**
 * Reads the dump format of `mkcomposefs --from-file` (composefs-dump(5)) piece by piece. Each file
 * has one line with eleven fixed fields and its xattrs, and parents come before children. Every
 * malformed line throws GantryError `dump_invalid` with the line's number in `details`.
 *
 * It accepts what mkcomposefs accepts, except:
 * - numbers that mkcomposefs would silently cut to the width of their field
 * - sizes beyond 2^53
 * - NUL bytes within names and targets
 * - digests that are not 64 hex digits
 * - lines with fewer than eleven fields
 * - hard links to directories
 */
export class DumpReader {
  #root: ComposefsNode | undefined;
  #rest: Uint8Array = noBytes;
  #line = 0;
  readonly #directories = new Map<string, ComposefsNode>();
  #lastParentPath = '';
  #lastParent: ComposefsNode | undefined;
  readonly #links: { node: ComposefsNode; target: string; line: number }[] = [];
  readonly #xattrLists = new Map<string, Xattr[]>();
  readonly #bounds: Bounds = new Array(fieldNames.length + 1).fill(0);

  /**
   * Reads the next bytes of the dump, split anywhere. The caller may reuse the chunk afterwards.
   */
  push(chunk: Uint8Array): this {
    let start = 0;
    if (this.#rest.length > 0) {
      start = chunk.indexOf(newline) + 1;
      this.#rest = Buffer.concat([this.#rest, start === 0 ? chunk : chunk.subarray(0, start)]);

      if (start > 0) {
        this.#readLines(this.#rest);
        this.#rest = noBytes;
      }
    }

    const end = chunk.lastIndexOf(newline) + 1;
    if (start < end) this.#readLines(chunk.subarray(start, end));
    if (end > 0 || this.#rest.length === 0) this.#rest = Uint8Array.from(chunk.subarray(end));

    if (this.#rest.length > limits.dumpLineBytesMax) {
      this.#line++;
      throw this.#invalid(
        `expected lines of at most ${limits.dumpLineBytesMax} bytes, found a longer one`,
      );
    }

    return this;
  }

  /** Ends the dump and returns its root. Children are sorted, hard links resolved. */
  end(): ComposefsNode {
    if (this.#rest.length > 0) this.#readLines(this.#rest);
    this.#rest = noBytes;
    if (!this.#root)
      throw new GantryError('dump_invalid', 'expected a dump with the root /, found no files');

    sortChildren(this.#root, (twin) => {
      throw new GantryError(
        'dump_invalid',
        `expected each path once, found a second ${shown(twin.name)}`,
      );
    });

    this.#resolveLinks(this.#root);
    return this.#root;
  }

  #invalid(sentence: string, line = this.#line): GantryError {
    return new GantryError('dump_invalid', `line ${line}: ${sentence}`, { details: { line } });
  }

  #readLines(bytes: Uint8Array): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const nul = text.indexOf('\0');

    for (let start = 0; start < text.length; ) {
      let end = text.indexOf('\n', start);
      if (end === -1) end = text.length;
      this.#line++;
      if (nul >= start && nul < end)
        throw this.#invalid(`expected escaped NUL bytes, found one at ${nul - start}`);

      this.#readLine(text, start, end);
      start = end + 1;
    }
  }

  #readLine(text: string, start: number, end: number): void {
    const bounds = this.#bounds;
    bounds[0] = start;

    for (let field = 1; field < bounds.length; field++) {
      const space = text.indexOf(' ', bounds[field - 1]);
      const found = space !== -1 && space < end;

      if (!found && field < fieldNames.length) {
        throw this.#invalid(
          `expected ${fieldNames.length} fields separated by a space, found ${field}`,
        );
      }

      bounds[field] = (found ? space : end) + 1;
    }

    let modeStart = bounds[2] as number;
    const isLink = text.charCodeAt(modeStart) === 0x40;
    if (isLink) modeStart++;

    // Drops bits beyond the sixteen of a mode, as mkcomposefs does.
    const mode =
      this.#integer({
        text,
        start: modeStart,
        end: (bounds[3] as number) - 1,
        field: 2,
        base: 8,
        max: u32Max,
      }) & 0xffff;

    if (!isKnownType(mode))
      throw this.#invalid(`expected a mode with a file type, found ${mode.toString(8)}`);

    const node = this.#addNode(text, mode);
    if (isLink) {
      const target = this.#optional(text, 8);
      if (node.isDirectory)
        throw this.#invalid('expected a hard link to a file, found a directory');
      if (target === '')
        throw this.#invalid('expected the path of a hard link in the payload, found none');

      this.#links.push({ node, target, line: this.#line });
      return;
    }

    this.#readInode(node, text);
    this.#readContent(node, text);

    const xattrsStart = bounds[fieldNames.length] as number;
    if (xattrsStart < end) node.xattrs = this.#xattrs(text.slice(xattrsStart, end));
  }

  #readInode(node: ComposefsNode, text: string): void {
    node.size = this.#number(text, 1, Number.MAX_SAFE_INTEGER);
    node.nlink = this.#number(text, 3, u32Max);
    node.uid = this.#number(text, 4, u32Max);
    node.gid = this.#number(text, 5, u32Max);

    const isDevice = node.type === fileType.character || node.type === fileType.block;
    const rdev = this.#number(text, 6, isDevice ? u32Max : Number.MAX_VALUE);
    if (isDevice) node.rdev = rdev;
    const start = this.#bounds[7] as number;
    const end = (this.#bounds[8] as number) - 1;
    const dot = text.indexOf('.', start);

    if (dot === -1 || dot >= end) {
      throw this.#invalid(
        `expected the mtime as seconds.nanoseconds, found ${shown(text.slice(start, end))}`,
      );
    }

    const before = text.charCodeAt(start) === 0x2d;
    const seconds = this.#integer({
      text,
      start: before ? start + 1 : start,
      end: dot,
      field: 7,
      base: 10,
      max: Number.MAX_SAFE_INTEGER,
    });

    node.mtime = before ? -seconds : seconds;
    node.mtimeNs = this.#integer({ text, start: dot + 1, end, field: 7, base: 10, max: u32Max });
  }

  #readContent(node: ComposefsNode, text: string): void {
    const { type, size } = node;
    node.payload = this.#optional(text, 8);

    if (node.payload.length >= limits.pathBytesMax) {
      throw this.#invalid(
        `expected a payload of less than ${limits.pathBytesMax} bytes, found ${node.payload.length}`,
      );
    }

    const content = this.#optional(text, 9, true);
    if (content !== '' && content.length !== size) {
      throw this.#invalid(
        `expected a content of ${size} bytes as the size says, found ${content.length}`,
      );
    }

    if (type === fileType.symlink) {
      if (node.payload === '')
        throw this.#invalid('expected the target of a symlink in the payload, found none');
      node.size = node.payload.length;
    } else {
      if (content.length > limits.inlineContentBytesMax) {
        throw this.#invalid(
          `expected at most ${limits.inlineContentBytesMax} bytes of inline content, found ${content.length}`,
        );
      }
      node.content = content;
    }

    const field = this.#optional(text, 10);
    const digest = field === '' || isDigest(field) ? field : field.toLowerCase();
    if (digest !== '' && !isDigest(digest)) {
      throw this.#invalid(`expected a digest of 64 hex digits, found ${shown(field)}`);
    }

    node.digest = digest;
  }

  /** Trees repeat a few lists of xattrs on many files, so each list is decoded and kept once. */
  #xattrs(list: string): Xattr[] {
    const known = this.#xattrLists.get(list);
    if (known) return known;
    if (list.length > 0xffff)
      throw this.#invalid(`expected at most 65535 bytes of xattrs, found ${list.length}`);

    const xattrs = new Map<string, Xattr>();
    let bytes = xattrBodyHeaderBytes;

    for (const field of (list.endsWith(' ') ? list.slice(0, -1) : list).split(' ')) {
      const xattr = this.#xattr(field);
      xattrs.delete(xattr.name);
      xattrs.set(xattr.name, xattr);
      bytes += accountedBytes(xattr.name.length, xattr.value.length);
    }

    if (bytes > inodeXattrBytesMax) {
      throw this.#invalid(`expected xattrs of at most ${inodeXattrBytesMax} bytes, found ${bytes}`);
    }

    const decoded = [...xattrs.values()];
    this.#xattrLists.set(list, decoded);
    return decoded;
  }

  #xattr(field: string): Xattr {
    const equals = field.indexOf('=');
    if (equals === -1)
      throw this.#invalid(`expected an xattr as name=value, found ${shown(field)}`);

    const name = this.#unescape(field.slice(0, equals), 'xattr');
    if (name === '' || name.length > limits.nameBytesMax || name.includes('\0')) {
      throw this.#invalid(
        `expected an xattr name of 1 to ${limits.nameBytesMax} bytes, found ${shown(name)}`,
      );
    }

    return { name, value: this.#unescape(field.slice(equals + 1), 'xattr') };
  }

  /**
   * Adds the node of the current line to its parent, which is usually the parent of the line
   * before.
   */
  #addNode(text: string, mode: number): ComposefsNode {
    const start = this.#bounds[0] as number;
    const end = (this.#bounds[1] as number) - 1;
    const slash = plainSlash(text, start, end);
    if (slash === -1) return this.#addUncommon(this.#string(text, 0), mode);

    if (
      slash - start !== this.#lastParentPath.length ||
      !text.startsWith(this.#lastParentPath, start)
    ) {
      this.#findParent(text.slice(start, slash));
    }

    return this.#addChild(text.slice(slash + 1, end), mode);
  }

  /**
   * Handles the root, and paths with escapes, with repeated slashes, or without a leading slash.
   */
  #addUncommon(path: string, mode: number): ComposefsNode {
    if (path === '') throw this.#invalid('expected a path, found an empty field');
    if (path === '/') return this.#addRoot(mode);

    const clean = path.replace(/^\/*/, '/').replace(/\/+/g, '/');
    const slash = clean.lastIndexOf('/');

    this.#findParent(clean.slice(0, slash));
    return this.#addChild(clean.slice(slash + 1), mode);
  }

  #findParent(path: string): void {
    const parent = this.#directories.get(path);
    if (!parent && this.#root)
      throw this.#invalid(`expected the directory ${shown(path)} before what is in it, found none`);
    this.#lastParentPath = path;
    this.#lastParent = parent;
  }

  #addChild(name: string, mode: number): ComposefsNode {
    if (name === '' || name === '.' || name === '..') {
      throw this.#invalid(`expected a path that ends in a name, found ${shown(name)}`);
    }

    if (name.length > limits.nameBytesMax) {
      throw this.#invalid(
        `expected names of at most ${limits.nameBytesMax} bytes, found ${name.length}`,
      );
    }

    if (!this.#lastParent)
      throw this.#invalid('expected the root / before all others, found another path');

    const node = new ComposefsNode(name, mode);
    this.#lastParent.children.push(node);

    if (node.isDirectory) {
      const path = `${this.#lastParentPath}/${name}`;
      if (this.#directories.has(path))
        throw this.#invalid(`expected each path once, found a second ${shown(path)}`);
      this.#directories.set(path, node);
    }

    return node;
  }

  #addRoot(mode: number): ComposefsNode {
    if (this.#root) throw this.#invalid('expected one root, found a second');

    const root = new ComposefsNode('', mode);
    if (!root.isDirectory)
      throw this.#invalid('expected the root to be a directory, found another type');

    this.#root = root;
    this.#directories.set('', root);
    this.#lastParent = root;

    return root;
  }

  /**
   * Points links to links at the file itself, as libcomposefs does, so that no chain is followed
   * twice.
   */
  #resolveLinks(root: ComposefsNode): void {
    for (const { node, target, line } of this.#links) {
      const found = lookUp(root, target);
      if (!found)
        throw this.#invalid(`expected the target of a hard link, found no ${shown(target)}`, line);
      if (found.isDirectory)
        throw this.#invalid(`expected a hard link to a file, found a directory`, line);

      node.link = found;
    }
    for (const { node, line } of this.#links) {
      const chain = new Set<ComposefsNode>();
      let file = node;

      for (; file.link; file = file.link) {
        if (chain.has(file))
          throw this.#invalid('expected a hard link to another file, found a circle', line);
        chain.add(file);
      }

      for (const link of chain) link.link = file;
    }
  }

  #string(text: string, field: number): string {
    const start = this.#bounds[field] as number;
    const value = this.#unescape(
      text.slice(start, (this.#bounds[field + 1] as number) - 1),
      fieldNames[field] as string,
    );
    if (value.includes('\0'))
      throw this.#invalid(`expected a ${fieldNames[field]} without NUL, found ${shown(value)}`);

    return value;
  }

  /** Reads a field that is `-` when it is not set. Returns '' then. */
  #optional(text: string, field: number, binary = false): string {
    const start = this.#bounds[field] as number;
    const end = (this.#bounds[field + 1] as number) - 1;
    if (end - start === 1 && text.charCodeAt(start) === 0x2d) return '';

    return binary
      ? this.#unescape(text.slice(start, end), fieldNames[field] as string)
      : this.#string(text, field);
  }

  #unescape(field: string, what: string): string {
    if (!field.includes('\\')) return field;

    const value = unescapeField(field);
    if (value === undefined)
      throw this.#invalid(
        `expected escapes \\\\, \\n, \\r, \\t or \\xHH in the ${what}, found another`,
      );

    return value;
  }

  #number(text: string, field: number, max: number): number {
    return this.#integer({
      text,
      start: this.#bounds[field] as number,
      end: (this.#bounds[field + 1] as number) - 1,
      field,
      base: 10,
      max,
    });
  }

  #integer({ text, start, end, field, base, max }: NumberField): number {
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = text.charCodeAt(at) - 0x30;
      if (digit < 0 || digit >= base) value = Number.NaN;
      value = value * base + digit;
    }

    if (start < end && value <= max) return value;
    const found = shown(text.slice(start, end));
    throw this.#invalid(
      `expected ${fieldNames[field]} as a number in base ${base} of at most ${max}, found ${found}`,
    );
  }
}

/** Reads a whole dump; see DumpReader. */
export function parseDump(bytes: Uint8Array): ComposefsNode {
  const reader = new DumpReader();
  // In pieces, because one string of all the bytes could exceed the maximum length of a string.
  for (let at = 0; at < bytes.length; at += 1 << 22)
    reader.push(bytes.subarray(at, at + (1 << 22)));
  return reader.end();
}
