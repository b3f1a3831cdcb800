import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { type EntryType, parentPath, type TreeEntry } from '../domain/files/index.ts';
import { ComposefsNode, fileType, sortChildren, type Xattr } from './node.ts';

const typeBits: Record<EntryType, number> = {
  directory: fileType.directory,
  file: fileType.regular,
  symlink: fileType.symlink,
  character: fileType.character,
  block: fileType.block,
  fifo: fileType.fifo,
};

/**
 * Builds the tree that mkcomposefs would read from a directory with these entries; see
 * composefsImage.
 */
export function nodeFromEntries(entries: Iterable<TreeEntry>): ComposefsNode {
  const nodes = new Map<string, ComposefsNode>();
  for (const entry of entries) {
    if (nodes.has(entry.path)) throw invalid(entry.path, 'expected each path once, found it twice');
    nodes.set(entry.path, nodeFromEntry(entry));
  }

  const root = nodes.get('/');
  if (!root?.isDirectory)
    throw invalid('/', 'expected the root directory among the entries, found none');

  for (const [path, node] of nodes) {
    if (node === root) continue;

    const parent = nodes.get(parentPath(path));
    if (!parent?.isDirectory) {
      throw invalid(
        path,
        `expected its parent to be a directory, found ${parent ? 'another type' : 'no parent'}`,
      );
    }

    parent.children.push(node);
  }

  sortChildren(root, (twin) => {
    throw invalid(twin.name, 'expected each name once in a directory, found it twice');
  });
  return root;
}

function nodeFromEntry(entry: TreeEntry): ComposefsNode {
  const { path, mode } = entry;
  const node = new ComposefsNode(
    nameOf(path),
    typeBits[entry.type] | requireInteger(path, 'mode', mode, { min: 0, max: 0o7777 }),
  );

  node.uid = requireInteger(path, 'uid', entry.uid, { min: 0, max: 0xffff_ffff });
  node.gid = requireInteger(path, 'gid', entry.gid, { min: 0, max: 0xffff_ffff });
  node.mtime = requireInteger(path, 'mtime', entry.mtime, {
    min: Number.MIN_SAFE_INTEGER,
    max: Number.MAX_SAFE_INTEGER,
  });
  node.mtimeNs = requireInteger(path, 'mtime_ns', entry.mtime_ns, { min: 0, max: 999_999_999 });

  if (entry.type === 'file') setContent(node, entry);
  else if (entry.type === 'symlink') setTarget(node, entry);
  else if (entry.type === 'character' || entry.type === 'block') {
    node.rdev = requireInteger(path, 'rdev', entry.rdev, { min: 0, max: 0xffff_ffff });
  }

  if (entry.xattrs)
    node.xattrs = Object.entries(entry.xattrs).map((xattr) => xattrFrom(path, xattr));
  return node;
}

/** The last name of a path, as a byte string; checks the whole path. */
function nameOf(path: string): string {
  if (path === '/') return '';

  const names = path.split('/');
  const wellFormed = names.shift() === '' && !path.includes('\0') && path.isWellFormed();

  if (!wellFormed || names.some((name) => name === '' || name === '.' || name === '..')) {
    throw invalid(
      path,
      'expected an absolute path without empty names, `.` or `..`, found another',
    );
  }

  const name = utf8(names.at(-1) as string);
  if (name.length > limits.nameBytesMax) {
    throw invalid(
      path,
      `expected names of at most ${limits.nameBytesMax} bytes, found ${name.length}`,
    );
  }

  return name;
}

/** Small files are part of the image, as in mkcomposefs. All others are found by their digest. */
function setContent(node: ComposefsNode, { path, size, content, verity }: TreeEntry): void {
  node.size = requireInteger(path, 'size', size, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (size === 0) return;

  if (size <= limits.inlineFileBytesMax) {
    node.content = Buffer.from(content ?? '', 'base64').toString('latin1');
    if (node.content.length !== size) {
      throw invalid(
        path,
        `expected ${size} bytes of content, as the size says, found ${node.content.length}`,
      );
    }

    return;
  }

  if (verity === undefined || !/^[0-9a-f]{64}$/.test(verity)) {
    throw invalid(
      path,
      `expected the fs-verity digest in 64 hex digits, found ${verity ?? 'none'}`,
    );
  }

  node.digest = verity;
  node.payload = `${verity.slice(0, 2)}/${verity.slice(2)}`;
}

function setTarget(node: ComposefsNode, { path, target = '' }: TreeEntry): void {
  node.payload = utf8(target);
  node.size = node.payload.length;

  if (
    node.size === 0 ||
    node.size >= limits.pathBytesMax ||
    target.includes('\0') ||
    !target.isWellFormed()
  ) {
    throw invalid(
      path,
      `expected a target of 1 to ${limits.pathBytesMax - 1} bytes without NUL, found ${node.size}`,
    );
  }
}

function xattrFrom(path: string, [name, value]: [string, string]): Xattr {
  const bytes = utf8(name);
  if (
    bytes === '' ||
    bytes.length > limits.nameBytesMax ||
    name.includes('\0') ||
    !name.isWellFormed()
  ) {
    throw invalid(
      path,
      `expected xattr names of 1 to ${limits.nameBytesMax} bytes, found ${JSON.stringify(name)}`,
    );
  }

  return { name: bytes, value: Buffer.from(value, 'base64').toString('latin1') };
}

function requireInteger(
  path: string,
  field: string,
  value: number | undefined,
  { min, max }: { min: number; max: number },
): number {
  if (value !== undefined && Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(
    path,
    `expected ${field} as an integer from ${min} to ${max}, found ${value ?? 'none'}`,
  );
}

/** Converts text to a byte string. ASCII, which nearly all names use, is the same in both. */
function utf8(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function invalid(path: string, sentence: string): GantryError {
  return new GantryError('tree_invalid', `${path}: ${sentence}`, { field: path });
}
