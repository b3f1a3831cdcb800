import { GantryError } from '../error.ts';
import { ComposefsNode, fileType, resolveLink, type Xattr } from './node.ts';
import { accountedBytes, inodeXattrBytesMax, type UsedXattr, XattrTable, xattrBodyHeaderBytes } from './xattr.ts';

const overlayPrefix = 'trusted.overlay.';
const escapedPrefix = 'trusted.overlay.overlay.';
const userPrefix = 'user.overlay.';

/** FS_VERITY_HASH_ALG_SHA256 in overlayfs' metacopy value: version 0, 36 bytes in all, no flags, algorithm 1. */
const metacopyHeader = '\x00\x24\x00\x01';

const noXattrs: UsedXattr[] = [];
const noNames: string[] = [];
const noEntries: Inode[] = [];

/** One inode of the image. The fields from `compact` on are filled in by layOut. */
export class Inode {
  readonly node: ComposefsNode;
  readonly parent: Inode;
  /** As overlayfs is to see it, which differs from the node's for whiteouts. */
  readonly mode: number;
  readonly size: number;
  nlink: number;
  /** Sorted by name. */
  xattrs = noXattrs;
  /** Directories: the sorted names, `.` and `..` among them, and the inode that each stands for. */
  names = noNames;
  entries = noEntries;

  compact = false;
  xattrBytes = 0;
  /** Whole 4096-byte blocks of its data, behind all inodes; and bytes of data that follow the inode itself. */
  blocks = 0;
  tailBytes = 0;
  /** Byte offset of the inode in the image. */
  position = 0;

  constructor(node: ComposefsNode, parent: Inode | undefined, whiteout: boolean) {
    this.node = node;
    this.parent = parent ?? this;
    this.mode = whiteout ? fileType.regular | (node.mode & ~fileType.mask) : node.mode;
    this.size = whiteout ? 0 : node.size;
    this.nlink = node.nlink;
  }

  get type(): number {
    return this.mode & fileType.mask;
  }

  /** True for a file whose content lies in the store: the image only says how long it is and what its digest is. */
  get isExternal(): boolean {
    return this.type === fileType.regular && this.size > 0 && this.node.content === '';
  }
}

/** What an image holds, before it has places. */
export interface OverlayTree {
  /** Breadth first, children by name: the order of the image. */
  inodes: Inode[];
  table: XattrTable;
  /** Format 1 when the tree has whiteouts of its own (format 0 cannot show them in a nested overlay), else 0. */
  version: 0 | 1;
}

/**
 * Turns a tree into the inodes of a composefs image, the lower layer that overlayfs mounts above the store: files with
 * content in the store get `metacopy` (with the digest) and `redirect`; xattrs that overlayfs would act on are escaped;
 * whiteouts become files that overlayfs shows as whiteouts; the root is opaque, and 256 real whiteouts in it hide the
 * directories of the store. The rules are libcomposefs' (lcfs-writer-erofs.c).
 */
export function overlayTree(root: ComposefsNode): OverlayTree {
  const table = new XattrTable();
  const version = hasWhiteout(root) ? 1 : 0;
  const storeWhiteouts = new Set(missingStoreWhiteouts(root));
  const links: { entries: Inode[]; at: number; target: ComposefsNode }[] = [];
  const inodes = [new Inode(root, undefined, false)];
  for (let i = 0; i < inodes.length; i++) {
    const inode = inodes[i] as Inode;
    const { node } = inode;
    inode.xattrs = finalXattrs(inode, i === 0, storeWhiteouts.has(node) ? 'raw' : version, table);
    if (inode.type !== fileType.directory) continue;
    const names: string[] = [];
    const entries: Inode[] = [];
    let dots = 0;
    inode.nlink = 2;
    for (const child of i === 0 ? byName([...node.children, ...storeWhiteouts]) : node.children) {
      for (; dots < 2 && (dots === 0 ? '.' : '..') < child.name; dots++) addDot(dots, inode, names, entries);
      if (child.link) {
        links.push({ entries, at: names.length, target: resolveLink(child) });
        entries.push(inode);
      } else {
        const entry = new Inode(child, inode, isWhiteout(child) && !storeWhiteouts.has(child));
        if (entry.type === fileType.directory) inode.nlink++;
        entries.push(entry);
        inodes.push(entry);
      }
      names.push(child.name);
    }
    for (; dots < 2; dots++) addDot(dots, inode, names, entries);
    inode.names = names;
    inode.entries = entries;
  }
  resolveLinks(inodes, links);
  return { inodes, table, version };
}

function addDot(dots: number, inode: Inode, names: string[], entries: Inode[]): void {
  names.push(dots === 0 ? '.' : '..');
  entries.push(dots === 0 ? inode : inode.parent);
}

/** Hard links share the inode of their target, which may come later in the order. */
function resolveLinks(inodes: Inode[], links: { entries: Inode[]; at: number; target: ComposefsNode }[]): void {
  if (links.length === 0) return;
  const found = new Map<ComposefsNode, Inode | undefined>(links.map(({ target }) => [target, undefined]));
  for (const inode of inodes) if (found.has(inode.node)) found.set(inode.node, inode);
  for (const { entries, at, target } of links) {
    const inode = found.get(target);
    if (!inode) throw new GantryError('tree_invalid', 'a hard link must point to a node of its tree');
    entries[at] = inode;
  }
}

function isWhiteout(node: ComposefsNode): boolean {
  return node.type === fileType.character && node.rdev === 0 && !node.link;
}

function hasWhiteout(root: ComposefsNode): boolean {
  const pending = [root];
  for (let node = pending.pop(); node; node = pending.pop()) {
    for (const child of node.children) {
      if (isWhiteout(child)) return true;
      if (child.children.length > 0) pending.push(child);
    }
  }
  return false;
}

/** The real whiteouts `00` to `ff`, but for names that the tree itself has. They look like the root's own. */
function missingStoreWhiteouts(root: ComposefsNode): ComposefsNode[] {
  const taken = new Set(root.children.map((child) => child.name));
  const label = root.xattrs.filter(({ name }) => name === 'security.selinux');
  const whiteouts: ComposefsNode[] = [];
  for (let i = 0; i < 256; i++) {
    const name = i.toString(16).padStart(2, '0');
    if (taken.has(name)) continue;
    const whiteout = new ComposefsNode(name, fileType.character | 0o644);
    whiteout.uid = root.uid;
    whiteout.gid = root.gid;
    whiteout.mtime = root.mtime;
    whiteout.mtimeNs = root.mtimeNs;
    whiteout.xattrs = label;
    whiteouts.push(whiteout);
  }
  return whiteouts;
}

function byName(nodes: ComposefsNode[]): ComposefsNode[] {
  return nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The xattrs of an inode as the image has them; `raw` nodes keep theirs untouched. */
function finalXattrs(inode: Inode, isRoot: boolean, version: 0 | 1 | 'raw', table: XattrTable): UsedXattr[] {
  const { node } = inode;
  let list = node.xattrs;
  let escapes = 0;
  if (version !== 'raw') {
    if (list.length > 0) {
      list = list.map((xattr) => escapeXattr(xattr));
      for (let i = 0; i < list.length; i++) if (list[i] !== node.xattrs[i]) escapes++;
    }
    if (inode.isExternal) list = withStoreXattrs(list, node);
    else if (isWhiteout(node)) list = withWhiteoutXattrs(list);
    else if (node.children.some(isWhiteout)) list = withWhiteoutParentXattrs(list, version);
    if (isRoot) list = withXattr(list, `${overlayPrefix}opaque`, 'y');
  }
  if (list.length === 0) return noXattrs;
  checkRoom(list, escapes, node);
  const used = list.map(({ name, value }) => table.intern(name, value));
  for (const xattr of used) xattr.uses++;
  return used.length < 2 ? used : used.sort((a, b) => (a.name.full < b.name.full ? -1 : 1));
}

function escapeXattr(xattr: Xattr): Xattr {
  if (!xattr.name.startsWith(overlayPrefix)) return xattr;
  return { name: escapedPrefix + xattr.name.slice(overlayPrefix.length), value: xattr.value };
}

function withStoreXattrs(list: Xattr[], node: ComposefsNode): Xattr[] {
  const metacopy = node.digest === '' ? '' : metacopyHeader + Buffer.from(node.digest, 'hex').toString('latin1');
  const out = withXattr(list, `${overlayPrefix}metacopy`, metacopy);
  return node.payload === '' ? out : withXattr(out, `${overlayPrefix}redirect`, `/${node.payload}`);
}

function withWhiteoutXattrs(list: Xattr[]): Xattr[] {
  return withXattr(withXattr(list, `${escapedPrefix}whiteout`, ''), `${userPrefix}whiteout`, '');
}

function withWhiteoutParentXattrs(list: Xattr[], version: 0 | 1): Xattr[] {
  const out = withXattr(withXattr(list, `${escapedPrefix}whiteouts`, ''), `${userPrefix}whiteouts`, '');
  if (version === 0) return out;
  return withXattr(withXattr(out, `${escapedPrefix}opaque`, 'x'), `${userPrefix}opaque`, 'x');
}

function withXattr(list: Xattr[], name: string, value: string): Xattr[] {
  return [...list.filter((xattr) => xattr.name !== name), { name, value }];
}

function checkRoom(list: Xattr[], escapes: number, node: ComposefsNode): void {
  let bytes = xattrBodyHeaderBytes - escapes * 'overlay.'.length;
  for (const { name, value } of list) bytes += accountedBytes(name.length, value.length);
  if (bytes > inodeXattrBytesMax) {
    const expected = `at most ${inodeXattrBytesMax} bytes of extended attributes on one file`;
    throw new GantryError('tree_invalid', `expected ${expected}, found ${bytes} on ${node.name || '/'}`, {
      expected: inodeXattrBytesMax,
      found: bytes,
    });
  }
}
