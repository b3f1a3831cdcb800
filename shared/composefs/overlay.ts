import { GantryError } from '../base/error.ts';
import { ComposefsNode, fileType, resolveLink } from './node.ts';
import { isExternal, isWhiteout, OverlayXattrs } from './overlay-xattrs.ts';
import type { UsedXattr, XattrTable } from './xattr.ts';

const noXattrs: UsedXattr[] = [];
const noNames: string[] = [];
const noEntries: Inode[] = [];

/** One inode of the image. layOut fills in the fields from `compact` on. */
export class Inode {
  readonly node: ComposefsNode;
  readonly parent: Inode;
  /** As the image has them. They differ from the node's for whiteouts of the tree. */
  readonly mode: number;
  readonly size: number;
  readonly isExternal: boolean;
  nlink: number;
  /** Sorted by name. */
  xattrs = noXattrs;
  /** Directories: the sorted names, including `.` and `..`, and the inode of each. */
  names = noNames;
  entries = noEntries;

  compact = false;
  xattrBytes = 0;
  /**
   * Whole 4096-byte blocks of its data, after all inodes, and bytes of data directly after the
   * inode.
   */
  blocks = 0;
  tailBytes = 0;
  /** Byte offset of the inode in the image. */
  position = 0;

  constructor(node: ComposefsNode, parent: Inode | undefined, escapedWhiteout: boolean) {
    this.node = node;
    this.parent = parent ?? this;
    this.mode = escapedWhiteout ? fileType.regular | (node.mode & ~fileType.mask) : node.mode;
    this.size = escapedWhiteout ? 0 : node.size;
    this.isExternal = isExternal(node);
    this.nlink = node.nlink;
  }

  get type(): number {
    return this.mode & fileType.mask;
  }
}

/** The content of an image before it has positions. */
export interface OverlayTree {
  /** Breadth first, children by name: the order of the image. */
  inodes: Inode[];
  table: XattrTable;
  /**
   * Format 1 when the tree has its own whiteouts, which format 0 cannot show in a nested overlay.
   * Otherwise 0.
   */
  version: 0 | 1;
}

interface Link {
  entries: Inode[];
  at: number;
  target: ComposefsNode;
}

/**
 * Converts a tree into the inodes of a composefs image: the lower layer that overlayfs mounts above
 * the store, with the xattrs that OverlayXattrs describes. Whiteouts of the tree become files that
 * overlayfs shows as whiteouts. 256 real whiteouts in the root hide the directories of the store.
 * The rules are those of libcomposefs (lcfs-writer-erofs.c).
 */
export function overlayTree(root: ComposefsNode): OverlayTree {
  const version = hasWhiteout(root) ? 1 : 0;
  const xattrs = new OverlayXattrs(root, version);
  const storeWhiteouts = new Set(missingStoreWhiteouts(root));
  const links: Link[] = [];
  const inodes = [new Inode(root, undefined, false)];

  for (let i = 0; i < inodes.length; i++) {
    const inode = inodes[i] as Inode;
    const { node } = inode;

    inode.xattrs = storeWhiteouts.has(node) ? xattrs.unescaped(node) : xattrs.of(node, i === 0);
    if (!node.isDirectory) continue;

    const children = i === 0 ? byName([...node.children, ...storeWhiteouts]) : node.children;
    addEntries(inode, children, { storeWhiteouts, inodes, links });
  }

  resolveLinks(inodes, links);
  return { inodes, table: xattrs.table, version };
}

/** Fills a directory and adds the inodes of its children to the image. */
function addEntries(
  directory: Inode,
  children: ComposefsNode[],
  {
    storeWhiteouts,
    inodes,
    links,
  }: { storeWhiteouts: Set<ComposefsNode>; inodes: Inode[]; links: Link[] },
): void {
  const names: string[] = [];
  const entries: Inode[] = [];
  let dots = 0;

  // In byte order some names, such as `-` or `!`, come before `.` and `..`.
  const addDots = (next: string | undefined) => {
    for (; dots < 2; dots++) {
      const name = dots === 0 ? '.' : '..';
      if (next !== undefined && next < name) return;
      names.push(name);
      entries.push(dots === 0 ? directory : directory.parent);
    }
  };

  directory.nlink = 2;
  for (const child of children) {
    if (dots < 2) addDots(child.name);
    names.push(child.name);

    if (child.link) {
      links.push({ entries, at: entries.length, target: resolveLink(child) });
      entries.push(directory);
    } else {
      const inode = new Inode(child, directory, isWhiteout(child) && !storeWhiteouts.has(child));
      if (child.isDirectory) directory.nlink++;
      entries.push(inode);
      inodes.push(inode);
    }
  }

  addDots(undefined);
  directory.names = names;
  directory.entries = entries;
}

/** Hard links share the inode of their target, which may come later in the order. */
function resolveLinks(inodes: Inode[], links: Link[]): void {
  if (links.length === 0) return;

  const found = new Map<ComposefsNode, Inode | undefined>(
    links.map(({ target }) => [target, undefined]),
  );
  for (const inode of inodes) if (found.has(inode.node)) found.set(inode.node, inode);

  for (const { entries, at, target } of links) {
    const inode = found.get(target);
    if (!inode)
      throw new GantryError(
        'tree_invalid',
        'expected a hard link to a node of its tree, found another',
      );

    entries[at] = inode;
  }
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

/**
 * The real whiteouts `00` to `ff`, except names that the tree has. They have the owner, time and
 * label of the root.
 */
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
