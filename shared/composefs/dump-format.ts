import { escapeField } from './escape.ts';
import { type ComposefsNode, resolveLink } from './node.ts';

/**
 * Writes a tree as `composefs-info dump` does, so that parseDump and mkcomposefs read the same tree
 * back: depth first, children by name, one line per file. Hard links get all fields of their
 * target.
 */
export function formatDump(root: ComposefsNode): Uint8Array {
  return Buffer.concat([...dumpPieces(root)]);
}

const pieceLength = 1 << 20;

/**
 * The same in pieces of about a megabyte, because the dump of a large tree exceeds the maximum
 * length of a string.
 */
export function* dumpPieces(root: ComposefsNode): Generator<Uint8Array> {
  const paths = targetPaths(root);
  let lines = '';
  const pending: { node: ComposefsNode; path: string }[] = [{ node: root, path: '' }];

  for (let next = pending.pop(); next; next = pending.pop()) {
    const { node, path } = next;
    lines += formatLine(node, path === '' ? '/' : path, paths);

    if (lines.length >= pieceLength) {
      yield Buffer.from(lines, 'latin1');
      lines = '';
    }

    for (const child of node.children.toReversed())
      pending.push({ node: child, path: `${path}/${child.name}` });
  }

  yield Buffer.from(lines, 'latin1');
}

function formatLine(node: ComposefsNode, path: string, paths: Map<ComposefsNode, string>): string {
  const inode = resolveLink(node);
  const linkTo = node.link ? paths.get(node.link) : undefined;
  const xattrs = inode.xattrs.map(
    ({ name, value }) => ` ${escapeField(name, 'xattr')}=${escapeField(value, 'xattr')}`,
  );

  const fields = [
    escapeField(path, 'plain'),
    inode.size,
    (linkTo === undefined ? '' : '@') + inode.mode.toString(8),
    inode.nlink,
    inode.uid,
    inode.gid,
    inode.rdev,
    `${inode.mtime}.${inode.mtimeNs}`,
    optional(linkTo ?? inode.payload),
    optional(inode.content),
    inode.digest === '' ? '-' : inode.digest,
  ];

  return `${fields.join(' ')}${xattrs.join('')}\n`;
}

function optional(bytes: string): string {
  return bytes === '' ? '-' : escapeField(bytes, 'optional');
}

/** The path of every node that a hard link points to. */
function targetPaths(root: ComposefsNode): Map<ComposefsNode, string> {
  const paths = new Map<ComposefsNode, string>();
  const pending: { node: ComposefsNode; path: string }[] = [{ node: root, path: '' }];
  const all: { node: ComposefsNode; path: string }[] = [];

  for (let next = pending.pop(); next; next = pending.pop()) {
    for (const child of next.node.children) {
      const entry = { node: child, path: `${next.path}/${child.name}` };
      if (child.link) paths.set(child.link, '');
      if (child.children.length > 0) pending.push(entry);
      all.push(entry);
    }
  }

  if (paths.size > 0) for (const { node, path } of all) if (paths.has(node)) paths.set(node, path);
  return paths;
}
