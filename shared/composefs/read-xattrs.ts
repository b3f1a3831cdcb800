import { limits } from '../base/limits/index.ts';
import { type ImageReader, invalidImage } from './image-reader.ts';
import type { Xattr } from './node.ts';
import {
  accountedBytes,
  inodeXattrBytesMax,
  nameOfXattr,
  xattrBodyHeaderBytes,
  xattrEntryHeaderBytes,
} from './xattr.ts';

/**
 * What the attributes of an inode say about the tree's node: its own attributes, and the facts that
 * overlayfs reads from the others.
 */
export interface NodeXattrs {
  xattrs: Xattr[];
  /** The file's place in the store. */
  payload: string;
  /** 64 hex digits, or empty. */
  digest: string;
  /** The file represents a whiteout of the tree. */
  isWhiteout: boolean;
}

const none: NodeXattrs = { xattrs: [], payload: '', digest: '', isWhiteout: false };

const overlayPrefix = 'trusted.overlay.';
const escapedPrefix = 'trusted.overlay.overlay.';
/** Marks of whiteouts. Making an image adds them again. */
const whiteoutMarks: ReadonlySet<string> = new Set([
  'trusted.overlay.overlay.whiteouts',
  'user.overlay.whiteout',
  'user.overlay.whiteouts',
]);
const metacopyBytes = 36;

/**
 * Reads the extended attributes of inodes and reverts what OverlayXattrs did to them, as
 * libcomposefs does when it loads an image. Attributes for overlayfs become fields of the node, and
 * escaped ones get their names back.
 */
export class XattrReader {
  readonly #reader: ImageReader;
  readonly #sharedArea: number;
  /**
   * Shared attributes, and whole lists of them, are decoded once, because many files have the same
   * ones.
   */
  readonly #shared = new Map<number, Xattr>();
  readonly #sharedLists = new Map<string, NodeXattrs>();
  readonly #singleLists = new WeakMap<Xattr, Xattr[]>();

  constructor(reader: ImageReader, sharedArea: number) {
    this.#reader = reader;
    this.#sharedArea = sharedArea;
  }

  /**
   * Reads `bytes` bytes of attributes at an offset. The inode's own attributes come first, as in
   * composefs-info.
   */
  read(start: number, bytes: number, isFile: boolean): NodeXattrs {
    if (bytes === 0) return none;

    const reader = this.#reader;
    const sharedCount = reader.u8(start + 4);
    const ownStart = start + xattrBodyHeaderBytes + 4 * sharedCount;
    const end = start + bytes;
    if (ownStart > end)
      throw invalidImage(`expected ${sharedCount} shared xattrs in ${bytes} bytes, found no room`);

    if (ownStart === end) {
      const key = `${isFile} ${reader.text(start + xattrBodyHeaderBytes, 4 * sharedCount, 'shared xattrs')}`;
      const known =
        this.#sharedLists.get(key) ?? interpret(this.#sharedOf(start, sharedCount), isFile);
      this.#sharedLists.set(key, known);
      return known;
    }

    const stored: Xattr[] = [];
    for (let at = ownStart; at < end; ) {
      const entry = this.#entry(at);
      at += entry.bytes;
      if (at > end)
        throw invalidImage(`expected xattrs that end at ${end}, found one that ends at ${at}`);
      stored.push(entry.xattr);
    }

    stored.push(...this.#sharedOf(start, sharedCount));
    return this.#withKnownList(interpret(stored, isFile));
  }

  /**
   * Most files have one attribute of the tree, a label that they share. They then share one list
   * too.
   */
  #withKnownList(found: NodeXattrs): NodeXattrs {
    const [only, second] = found.xattrs;
    if (only === undefined || second !== undefined) return found;

    const known = this.#singleLists.get(only);
    if (known === undefined) this.#singleLists.set(only, found.xattrs);
    return known === undefined ? found : { ...found, xattrs: known };
  }

  #sharedOf(start: number, count: number): Xattr[] {
    return Array.from({ length: count }, (_, i) => {
      const at = this.#sharedArea + 4 * this.#reader.u32(start + xattrBodyHeaderBytes + 4 * i);
      let xattr = this.#shared.get(at);

      if (xattr === undefined) {
        const entry = this.#entry(at);
        this.#reader.claim(at, entry.bytes, 'a shared xattr');
        xattr = entry.xattr;
        this.#shared.set(at, xattr);
      }

      return xattr;
    });
  }

  #entry(at: number): { xattr: Xattr; bytes: number } {
    const reader = this.#reader;
    const suffixBytes = reader.u8(at);
    const valueBytes = reader.u16(at + 2);
    const suffixAt = at + xattrEntryHeaderBytes;
    const name = nameOfXattr(
      reader.u8(at + 1),
      reader.text(suffixAt, suffixBytes, 'the name of an xattr'),
    );
    if (name === undefined)
      throw invalidImage(`expected a known prefix of an xattr's name, found ${reader.u8(at + 1)}`);

    const value = reader.text(suffixAt + suffixBytes, valueBytes, 'the value of an xattr');
    return {
      xattr: { name, value },
      bytes: (xattrEntryHeaderBytes + suffixBytes + valueBytes + 3) & ~3,
    };
  }
}

function interpret(stored: readonly Xattr[], isFile: boolean): NodeXattrs {
  const out: NodeXattrs = { xattrs: [], payload: '', digest: '', isWhiteout: false };
  for (const xattr of stored) {
    if (isFile && readOfFile(out, xattr)) continue;
    const plain = plainXattr(xattr);
    if (plain !== null) out.xattrs.push(plain);
  }

  checkLimits(out);
  return out;
}

/** Reads an xattr for overlayfs into the node. Returns false for other xattrs. */
function readOfFile(out: NodeXattrs, { name, value }: Xattr): boolean {
  if (name === 'trusted.overlay.redirect') {
    out.payload = value.startsWith('/') ? value.slice(1) : value;
  } else if (name === 'trusted.overlay.metacopy' && value.length === metacopyBytes) {
    out.digest = Buffer.from(value.slice(metacopyBytes - 32), 'latin1').toString('hex');
  } else if (name === 'trusted.overlay.overlay.whiteout') {
    out.isWhiteout = true;
  } else {
    return false;
  }
  return true;
}

/** Returns an xattr of the tree in its original form, or null for one that only overlayfs reads. */
function plainXattr({ name, value }: Xattr): Xattr | null {
  if (whiteoutMarks.has(name)) return null;
  if (name.startsWith(escapedPrefix)) {
    return { name: overlayPrefix + name.slice(escapedPrefix.length), value };
  }
  return name.startsWith(overlayPrefix) ? null : { name, value };
}

function checkLimits(out: NodeXattrs): void {
  if (out.payload.includes('\0') || out.payload.length >= limits.pathBytesMax) {
    throw invalidImage(
      `expected a payload of less than ${limits.pathBytesMax} bytes without NUL, found another`,
    );
  }

  const names = new Set(out.xattrs.map(({ name }) => name));
  if (names.size < out.xattrs.length)
    throw invalidImage('expected each xattr of a file once, found one twice');

  const bytes = out.xattrs.reduce(
    (sum, { name, value }) => sum + accountedBytes(name.length, value.length),
    0,
  );
  if (bytes > inodeXattrBytesMax) {
    throw invalidImage(
      `expected at most ${inodeXattrBytesMax} bytes of xattrs on a file, found ${bytes}`,
    );
  }

  for (const name of names) {
    if (name !== '' && name.length <= limits.nameBytesMax && !name.includes('\0')) continue;
    throw invalidImage(
      `expected xattr names of 1 to ${limits.nameBytesMax} bytes, found ${name.length}`,
    );
  }
}
