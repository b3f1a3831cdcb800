import { GantryError } from '../base/error.ts';
import { type ComposefsNode, fileType, type Xattr } from './node.ts';
import {
  accountedBytes,
  inodeXattrBytesMax,
  metacopy,
  redirect,
  type UsedXattr,
  XattrTable,
  xattrBodyHeaderBytes,
  xattrValueBytes,
} from './xattr.ts';

const overlayPrefix = 'trusted.overlay.';
const escapedPrefix = 'trusted.overlay.overlay.';
const userPrefix = 'user.overlay.';

/**
 * A character device 0:0 is a whiteout: overlayfs, and directories that it wrote, use it to mark a
 * name as deleted.
 */
export function isWhiteout(node: ComposefsNode): boolean {
  return node.type === fileType.character && node.rdev === 0 && !node.link;
}

/** True for a file whose content is in the store. The image has only its length and digest. */
export function isExternal(node: ComposefsNode): boolean {
  return node.type === fileType.regular && node.size > 0 && node.content === '';
}

/**
 * Computes the xattrs of an image's inodes:
 * - Files in the store get `metacopy` (with the digest) and `redirect`.
 * - Xattrs of the tree that overlayfs would act on are escaped.
 * - Whiteouts of the tree, which are plain files in the image, are marked for overlayfs, and so are
 *   the directories that contain them.
 * - The root is opaque.
 */
export class OverlayXattrs {
  readonly table = new XattrTable();
  readonly #version: 0 | 1;
  readonly #repeated: ReadonlySet<string>;
  readonly #metacopy = {
    name: this.table.name(`${overlayPrefix}metacopy`),
    value: metacopy,
    uses: 0,
    sharedOffset: -1,
  };
  readonly #redirect = {
    name: this.table.name(`${overlayPrefix}redirect`),
    value: redirect,
    uses: 0,
    sharedOffset: -1,
  };
  /**
   * Trees repeat a few lists of xattrs on many files, often as the same array, so the final list of
   * each is kept.
   */
  readonly #plainLists = new Map<Xattr[], UsedXattr[]>();
  readonly #storeLists = new Map<Xattr[], UsedXattr[]>();

  constructor(root: ComposefsNode, version: 0 | 1) {
    this.#version = version;
    this.#repeated = repeatedInStore(root);
  }

  /**
   * Returns the final xattrs of a node of the tree, sorted by name, and counts one more use of
   * each.
   */
  of(node: ComposefsNode, isRoot: boolean): UsedXattr[] {
    if (isExternal(node)) return countUse(this.#ofStoreFile(node), node);

    const plain = this.#plain(node.xattrs);
    const holdsWhiteout = node.children.some(isWhiteout);
    if (!isRoot && !holdsWhiteout && !isWhiteout(node)) return countUse(plain, node);

    const used = [...plain];
    if (isWhiteout(node)) this.#addMarks(used, 'whiteout', '');

    if (holdsWhiteout) {
      this.#addMarks(used, 'whiteouts', '');
      // Format 1: kernels since 6.8 mark directories with whiteouts in a form that overlayfs passes
      // on.
      if (this.#version === 1) this.#addMarks(used, 'opaque', 'x');
    }

    if (isRoot) this.#put(used, this.table.intern(`${overlayPrefix}opaque`, 'y'));
    return countUse(used.sort(byName), node);
  }

  /** The xattrs of a node that overlayfs must show unchanged. */
  unescaped(node: ComposefsNode): UsedXattr[] {
    const used = node.xattrs.map(({ name, value }) => this.table.intern(name, value));
    return countUse(used.sort(byName), node);
  }

  #plain(xattrs: Xattr[]): UsedXattr[] {
    let used = this.#plainLists.get(xattrs);
    if (!used) {
      used = xattrs
        .map(({ name, value }) => this.table.intern(escapedName(name), value))
        .sort(byName);
      this.#plainLists.set(xattrs, used);
    }

    return used;
  }

  /** The names are free, because xattrs of the tree with these names were escaped. */
  #ofStoreFile(node: ComposefsNode): UsedXattr[] {
    const { digest, payload, xattrs } = node;
    const ownDigest = !this.#repeated.has(digest);
    const ownPayload = payload !== '' && !this.#repeated.has(payload);

    if (ownDigest && ownPayload) {
      let used = this.#storeLists.get(xattrs);
      if (!used) {
        used = [...this.#plain(xattrs), this.#metacopy, this.#redirect].sort(byName);
        this.#storeLists.set(xattrs, used);
      }

      return used;
    }

    const used = [...this.#plain(xattrs)];
    used.push(
      ownDigest
        ? this.#metacopy
        : this.table.intern(this.#metacopy.name.full, metacopy.value(node)),
    );

    if (ownPayload) used.push(this.#redirect);
    else if (payload !== '')
      used.push(this.table.intern(this.#redirect.name.full, redirect.value(node)));

    return used.sort(byName);
  }

  #addMarks(used: UsedXattr[], name: string, value: string): void {
    this.#put(used, this.table.intern(escapedPrefix + name, value));
    this.#put(used, this.table.intern(userPrefix + name, value));
  }

  #put(used: UsedXattr[], xattr: UsedXattr): void {
    const at = used.findIndex((other) => other.name === xattr.name);
    if (at === -1) used.push(xattr);
    else used[at] = xattr;
  }
}

function escapedName(name: string): string {
  return name.startsWith(overlayPrefix) ? escapedPrefix + name.slice(overlayPrefix.length) : name;
}

function byName(a: UsedXattr, b: UsedXattr): number {
  return a.name.full < b.name.full ? -1 : 1;
}

/**
 * Digests and payloads of more than one file, whose xattrs can therefore be shared. Most trees have
 * few.
 */
function repeatedInStore(root: ComposefsNode): Set<string> {
  const files = externalFiles(root);
  // If every payload follows from its digest, as mkcomposefs makes them, counting digests is
  // enough.
  const usual = files.every(({ payload, digest }) => followsFrom(payload, digest));
  const seen = new Set<string>();
  const repeated = new Set<string>();

  for (const { digest, payload } of files) {
    if (seen.has(digest)) repeated.add(digest).add(payload);
    else seen.add(digest);
    if (usual) continue;
    if (seen.has(payload)) repeated.add(payload);
    else seen.add(payload);
  }

  return repeated;
}

/** The files below a node whose content is in the store. */
function externalFiles(root: ComposefsNode): ComposefsNode[] {
  const files: ComposefsNode[] = [];
  const pending = [root];

  for (let node = pending.pop(); node; node = pending.pop()) {
    for (const child of node.children) {
      if (child.children.length > 0) pending.push(child);
      if (!child.link && isExternal(child)) files.push(child);
    }
  }

  return files;
}

/** True for `xx/rest` and the digest `xxrest`. */
function followsFrom(payload: string, digest: string): boolean {
  if (digest.length !== 64 || payload.length !== 65 || payload[2] !== '/') return false;
  for (let i = 0; i < 64; i++) {
    if (digest.charCodeAt(i) !== payload.charCodeAt(i < 2 ? i : i + 1)) return false;
  }
  return true;
}

function countUse(used: UsedXattr[], node: ComposefsNode): UsedXattr[] {
  if (used.length > 0) checkRoom(used, node);
  for (const xattr of used) xattr.uses++;
  return used;
}

/** libcomposefs counts the bytes before it escapes the names. */
function checkRoom(used: UsedXattr[], node: ComposefsNode): void {
  let bytes = xattrBodyHeaderBytes;
  for (const xattr of used)
    bytes += accountedBytes(xattr.name.full.length, xattrValueBytes(xattr, node));
  for (const { name } of node.xattrs)
    if (name.startsWith(overlayPrefix)) bytes -= 'overlay.'.length;
  if (bytes <= inodeXattrBytesMax) return;

  const expected = `at most ${inodeXattrBytesMax} bytes of extended attributes on one file`;
  throw new GantryError(
    'tree_invalid',
    `expected ${expected}, found ${bytes} on ${node.name || '/'}`,
    {
      expected: inodeXattrBytesMax,
      found: bytes,
    },
  );
}
