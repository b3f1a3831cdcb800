import { type ComposefsNode, fileType, resolveLink } from './node.ts';

/** Bytes as text if they are UTF-8, otherwise as base64. */
type TextOrBytes = string | { base64: string };

/** One file of a tree for programs that read JSON. Empty fields are omitted. */
export interface ListedFile {
  path: TextOrBytes;
  type: 'directory' | 'file' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket';
  /** Permission bits, in octal. */
  mode: string;
  nlink: number;
  uid: number;
  gid: number;
  rdev?: number;
  /** Bytes. */
  size: number;
  /** Seconds since 1970 and nanoseconds. */
  mtime: number;
  mtime_ns: number;
  target?: TextOrBytes;
  /** The place of the content in the store, and its fs-verity digest. */
  payload?: TextOrBytes;
  verity?: string;
  /** Content that the image contains, in base64. */
  content?: string;
  /** Values are in base64. */
  xattrs?: { name: TextOrBytes; value: string }[];
  /** The path whose inode this name shares. */
  hard_link_to?: TextOrBytes;
}

const typeNames = new Map<number, ListedFile['type']>([
  [fileType.directory, 'directory'],
  [fileType.regular, 'file'],
  [fileType.symlink, 'symlink'],
  [fileType.character, 'character'],
  [fileType.block, 'block'],
  [fileType.fifo, 'fifo'],
  [fileType.socket, 'socket'],
]);

/** Lists a tree depth first, children by name, as the dump does. */
export function* listTree(root: ComposefsNode): Generator<ListedFile> {
  const paths = new Map<ComposefsNode, string>();
  const pending: { node: ComposefsNode; path: string }[] = [{ node: root, path: '' }];

  for (let next = pending.pop(); next; next = pending.pop()) {
    const { node, path } = next;
    // readImage makes links only of later names, so the target's path is already known.
    if (!node.link && !node.isDirectory) paths.set(node, path);
    yield listFile(node, path === '' ? '/' : path, node.link && paths.get(resolveLink(node)));
    for (const child of node.children.toReversed())
      pending.push({ node: child, path: `${path}/${child.name}` });
  }
}

function listFile(node: ComposefsNode, path: string, linkTo: string | undefined): ListedFile {
  const inode = resolveLink(node);
  const isSymlink = inode.type === fileType.symlink;
  const isDevice = inode.type === fileType.character || inode.type === fileType.block;

  return {
    path: textOrBytes(path),
    type: typeNames.get(inode.type) as ListedFile['type'],
    mode: (inode.mode & 0o7777).toString(8).padStart(4, '0'),
    nlink: inode.nlink,
    uid: inode.uid,
    gid: inode.gid,
    ...(isDevice ? { rdev: inode.rdev } : {}),
    size: inode.size,
    mtime: inode.mtime,
    mtime_ns: inode.mtimeNs,
    ...(isSymlink ? { target: textOrBytes(inode.payload) } : {}),
    ...(!isSymlink && inode.payload !== '' ? { payload: textOrBytes(inode.payload) } : {}),
    ...(inode.digest === '' ? {} : { verity: inode.digest }),
    ...(inode.content === '' ? {} : { content: base64(inode.content) }),
    ...(inode.xattrs.length === 0
      ? {}
      : {
          xattrs: inode.xattrs.map(({ name, value }) => ({
            name: textOrBytes(name),
            value: base64(value),
          })),
        }),
    ...(linkTo === undefined ? {} : { hard_link_to: textOrBytes(linkTo) }),
  };
}

function textOrBytes(bytes: string): TextOrBytes {
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return Buffer.from(text, 'utf8').toString('latin1') === bytes ? text : { base64: base64(bytes) };
}

function base64(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('base64');
}
