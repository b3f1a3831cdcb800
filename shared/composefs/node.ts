/** File type bits of st_mode (POSIX, sys/stat.h). */
export const fileType = {
  mask: 0o170000,
  socket: 0o140000,
  symlink: 0o120000,
  regular: 0o100000,
  block: 0o060000,
  directory: 0o040000,
  character: 0o020000,
  fifo: 0o010000,
} as const;

const knownTypes: ReadonlySet<number> = new Set(
  Object.values(fileType).filter((bits) => bits !== fileType.mask),
);

export function isKnownType(mode: number): boolean {
  return knownTypes.has(mode & fileType.mask);
}

/** An extended attribute; name and value are byte strings. */
export interface Xattr {
  readonly name: string;
  readonly value: string;
}

export const noXattrs: Xattr[] = [];
const noChildren: ComposefsNode[] = [];

/**
 * One file of a tree as libcomposefs knows it and as one line of a dump describes it. Linux allows
 * arbitrary bytes in names, targets, contents and xattrs, so here they are **byte strings**: one
 * UTF-16 unit of 0 to 255 for each byte (latin1). Their `<` order is the byte order that the image
 * needs.
 *
 * Invariant of a finished tree: `children` is sorted by name without duplicates (see sortChildren).
 */
export class ComposefsNode {
  /** The last part of the path; empty for the root. */
  name: string;
  /** st_mode: type and permission bits, 16 bits. */
  mode: number;
  /** Ignored for directories, because their count follows from their children. */
  nlink = 1;
  uid = 0;
  gid = 0;
  /** Devices only: Linux's 32-bit encoding of major and minor. */
  rdev = 0;
  /** In bytes. For a directory it is the size from a dump; the image computes its own. */
  size = 0;
  /** Whole seconds since 1970, which may be negative, and nanoseconds. */
  mtime = 0;
  mtimeNs = 0;
  /**
   * Symlinks: the target. Files: the place of the content in the store, `xx/rest of the digest`.
   * Otherwise empty.
   */
  payload = '';
  /** Content of files that the image contains. Otherwise empty. */
  content = '';
  /** Files: fs-verity digest of the content, 64 hex digits. Otherwise empty. */
  digest = '';
  xattrs: Xattr[] = noXattrs;
  /** Directories only. All other nodes share one empty list, which must not change. */
  children: ComposefsNode[];
  /**
   * Hard links of a dump: the node that this name refers to, which is not itself a link. Only the
   * name and mode of this node count.
   */
  link: ComposefsNode | undefined = undefined;

  constructor(name: string, mode: number) {
    this.name = name;
    this.mode = mode;
    this.children = (mode & fileType.mask) === fileType.directory ? [] : noChildren;
  }

  get type(): number {
    return this.mode & fileType.mask;
  }

  get isDirectory(): boolean {
    return this.type === fileType.directory;
  }
}

/**
 * Sorts the children of every directory below `root` by the bytes of their names. `onDuplicate` is
 * called when two children have the same name, and must throw.
 */
export function sortChildren(
  root: ComposefsNode,
  onDuplicate: (twin: ComposefsNode) => never,
): void {
  const pending = [root];
  for (let directory = pending.pop(); directory; directory = pending.pop()) {
    const { children } = directory;
    if (!inOrder(children)) children.sort(byName);

    for (let i = 0; i < children.length; i++) {
      const child = children[i] as ComposefsNode;
      if (i > 0 && child.name === (children[i - 1] as ComposefsNode).name) onDuplicate(child);
      if (child.children.length > 0) pending.push(child);
    }
  }
}

function byName(a: ComposefsNode, b: ComposefsNode): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Most input is already sorted, and checking that is far cheaper than sorting. */
function inOrder(children: ComposefsNode[]): boolean {
  for (let i = 1; i < children.length; i++)
    if ((children[i - 1] as ComposefsNode).name > (children[i] as ComposefsNode).name) return false;
  return true;
}

/** The node that a name refers to: the target of a hard link, otherwise the node itself. */
export function resolveLink(node: ComposefsNode): ComposefsNode {
  return node.link ?? node;
}
