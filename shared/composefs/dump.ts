import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { readContent, readInode, readMode, XattrLists } from './dump-fields.ts';
import { DumpLine } from './dump-line.ts';
import { lookUp, plainSlash, shown } from './dump-text.ts';
import { ComposefsNode, sortChildren } from './node.ts';

const newline = 0x0a;
const noBytes = new Uint8Array();

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
  readonly #line = new DumpLine();
  readonly #directories = new Map<string, ComposefsNode>();
  #lastParentPath = '';
  #lastParent: ComposefsNode | undefined;
  readonly #links: { node: ComposefsNode; target: string; line: number }[] = [];
  readonly #xattrs = new XattrLists();

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
      this.#line.number++;
      throw this.#line.error(
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

  #readLines(bytes: Uint8Array): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const nul = text.indexOf('\0');

    for (let start = 0; start < text.length; ) {
      let end = text.indexOf('\n', start);
      if (end === -1) end = text.length;
      this.#line.number++;
      if (nul >= start && nul < end)
        throw this.#line.error(`expected escaped NUL bytes, found one at ${nul - start}`);

      this.#readLine(text, start, end);
      start = end + 1;
    }
  }

  #readLine(text: string, start: number, end: number): void {
    const line = this.#line;
    line.read(text, start, end);

    const { mode, isLink } = readMode(line);
    const node = this.#addNode(mode);
    if (isLink) {
      const target = line.optional(8);
      if (node.isDirectory)
        throw this.#line.error('expected a hard link to a file, found a directory');
      if (target === '')
        throw this.#line.error('expected the path of a hard link in the payload, found none');

      this.#links.push({ node, target, line: line.number });
      return;
    }

    readInode(node, line);
    readContent(node, line);
    node.xattrs = this.#xattrs.read(line);
  }

  /**
   * Adds the node of the current line to its parent, which is usually the parent of the line
   * before.
   */
  #addNode(mode: number): ComposefsNode {
    const { text } = this.#line;
    const start = this.#line.start(0);
    const end = this.#line.end(0);
    const slash = plainSlash(text, start, end);
    if (slash === -1) return this.#addUncommon(this.#line.string(0), mode);

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
    if (path === '') throw this.#line.error('expected a path, found an empty field');
    if (path === '/') return this.#addRoot(mode);

    const clean = path.replace(/^\/*/, '/').replace(/\/+/g, '/');
    const slash = clean.lastIndexOf('/');

    this.#findParent(clean.slice(0, slash));
    return this.#addChild(clean.slice(slash + 1), mode);
  }

  #findParent(path: string): void {
    const parent = this.#directories.get(path);
    if (!parent && this.#root)
      throw this.#line.error(
        `expected the directory ${shown(path)} before what is in it, found none`,
      );
    this.#lastParentPath = path;
    this.#lastParent = parent;
  }

  #addChild(name: string, mode: number): ComposefsNode {
    if (name === '' || name === '.' || name === '..') {
      throw this.#line.error(`expected a path that ends in a name, found ${shown(name)}`);
    }

    if (name.length > limits.nameBytesMax) {
      throw this.#line.error(
        `expected names of at most ${limits.nameBytesMax} bytes, found ${name.length}`,
      );
    }

    if (!this.#lastParent)
      throw this.#line.error('expected the root / before all others, found another path');

    const node = new ComposefsNode(name, mode);
    this.#lastParent.children.push(node);

    if (node.isDirectory) {
      const path = `${this.#lastParentPath}/${name}`;
      if (this.#directories.has(path))
        throw this.#line.error(`expected each path once, found a second ${shown(path)}`);
      this.#directories.set(path, node);
    }

    return node;
  }

  #addRoot(mode: number): ComposefsNode {
    if (this.#root) throw this.#line.error('expected one root, found a second');

    const root = new ComposefsNode('', mode);
    if (!root.isDirectory)
      throw this.#line.error('expected the root to be a directory, found another type');

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
        throw this.#line.error(
          `expected the target of a hard link, found no ${shown(target)}`,
          line,
        );
      if (found.isDirectory)
        throw this.#line.error(`expected a hard link to a file, found a directory`, line);

      node.link = found;
    }
    for (const { node, line } of this.#links) {
      const chain = new Set<ComposefsNode>();
      let file = node;

      for (; file.link; file = file.link) {
        if (chain.has(file))
          throw this.#line.error('expected a hard link to another file, found a circle', line);
        chain.add(file);
      }

      for (const link of chain) link.link = file;
    }
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
