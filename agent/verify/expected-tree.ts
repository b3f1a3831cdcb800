import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { fsVerityDigest } from '../../shared/composefs/index.ts';
import type { RenderedFile } from '../../shared/contract/reconcile/index.ts';
import {
  ancestorPaths,
  compareBytes,
  parentPath,
  type TreeEntry,
} from '../../shared/domain/files/index.ts';

/** What a generation must look like, to the last byte outside the machine's own paths. */
export interface ExpectedTree {
  /** Byte-wise by path, so every parent directory comes before its children. */
  entries: TreeEntry[];
  /** Bytes of files that are not in the store. */
  contents: Map<string, Uint8Array>;
  /**
   * Path → `<account>/<module>` that ships it. Directories and the agent's own files have no owner.
   */
  owners: Map<string, string>;
}

/** Where the machine finds the metadata of its desired state (product.md, section 9). */
export const metadataPath = '/run/gantry/metadata.json';

export interface TreeParts {
  /** The merged root, as composed and verified. */
  entries: TreeEntry[];
  owners: Map<string, string>;
  rendered: RenderedFile[];
  metadata: Record<string, unknown>;
  /** Paths that exist on every machine, whatever modules ship. */
  writablePaths: string[];
}

/**
 * Adds the rendered files to the merged root, as the topmost layer. Nothing is ever written through
 * a symlink.
 *
 * @throws `desired_state_invalid` when a rendered path is not plain, or lies below or in place of
 * anything but a file.
 */
export function expectedTree({
  entries,
  owners,
  rendered,
  metadata,
  writablePaths,
}: TreeParts): ExpectedTree {
  const tree = new Map(entries.map((entry) => [entry.path, entry]));
  const contents = inlineContents(entries);
  const allOwners = new Map(owners);
  const place = (entry: TreeEntry, bytes: Uint8Array) => {
    placeFile(tree, { ...entry, size: bytes.length, verity: fsVerityDigest(bytes) });
    contents.set(entry.path, bytes);
  };

  for (const file of rendered) {
    const { path, mode, uid, gid, mtime } = file;
    const bytes = Buffer.from(file.content, 'base64');
    place({ ...plainFile, path, mode: mode & 0o7777, uid, gid, mtime }, bytes);
    allOwners.set(path, file.module);
  }

  if (canHold(tree, metadataPath)) {
    const bytes = Buffer.from(`${JSON.stringify(metadata, null, 2)}\n`);
    place({ ...plainFile, path: metadataPath }, bytes);
  }

  for (const path of writablePaths) {
    if (canHold(tree, `${path}/x`)) addParents(tree, `${path}/x`);
  }

  const sorted = [...tree.values()].sort((a, b) => compareBytes(a.path, b.path));
  return { entries: sorted, contents, owners: allOwners };
}

const plainFile = {
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtime_ns: 0,
  size: 0,
} as const;
const plainDirectory = { ...plainFile, type: 'directory', mode: 0o755 } as const;

function inlineContents(entries: TreeEntry[]): Map<string, Uint8Array> {
  const contents = new Map<string, Uint8Array>();
  for (const entry of entries) {
    if (entry.type === 'file' && entry.size > 0 && entry.size <= limits.inlineFileBytesMax) {
      contents.set(entry.path, Buffer.from(entry.content ?? '', 'base64'));
    }
  }

  return contents;
}

function placeFile(tree: Map<string, TreeEntry>, entry: TreeEntry): void {
  requirePlainPath(entry.path);
  addParents(tree, entry.path);

  const existing = tree.get(entry.path);
  if (existing !== undefined && existing.type !== 'file') {
    throw layoutError(entry.path, `expected a file or nothing there, found a ${existing.type}`);
  }

  tree.set(entry.path, entry);
}

/** Absolute, without empty, `.` or `..` parts, without NUL, and short enough for Linux. */
function requirePlainPath(path: string): void {
  const parts = path.split('/').slice(1);
  const isPlain =
    path.startsWith('/') &&
    parts.every(isPlainName) &&
    Buffer.byteLength(path) < limits.pathBytesMax;
  if (isPlain) return;

  throw layoutError(path, 'expected an absolute path without empty, "." or ".." parts');
}

function isPlainName(name: string): boolean {
  return (
    !['', '.', '..'].includes(name) &&
    !name.includes('\0') &&
    Buffer.byteLength(name) <= limits.nameBytesMax
  );
}

function addParents(tree: Map<string, TreeEntry>, path: string): void {
  for (const above of ancestorPaths(path)) {
    const entry = tree.get(above);
    if (entry === undefined) tree.set(above, { ...plainDirectory, path: above });
    else if (entry.type !== 'directory') {
      throw layoutError(path, `expected a directory at ${above}, found a ${entry.type}`);
    }
  }
}

/** Whether a file can be placed at a path without replacing anything else that modules ship. */
function canHold(tree: Map<string, TreeEntry>, path: string): boolean {
  const existing = tree.get(path);
  if (existing !== undefined && existing.type !== 'file') return false;

  return ancestorPaths(path).every(
    (above) => (tree.get(above)?.type ?? 'directory') === 'directory',
  );
}

/** Whether a path is one of `tops` or below one of them. */
export function isWithin(path: string, tops: readonly string[]): boolean {
  return tops.some((top) => path === top || path.startsWith(`${top}/`));
}

/**
 * Requires that a tree keeps its own rules, since one that does not would make the agent write
 * outside its directory.
 *
 * @throws `desired_state_invalid`
 */
export function requireTree(entries: TreeEntry[]): void {
  const directories = new Set<string>();
  let before: string | undefined;

  for (const { path, type } of entries) {
    if (path !== '/') requirePlainPath(path);
    if (before !== undefined && compareBytes(before, path) >= 0) {
      throw layoutError(path, 'it is there twice or out of order');
    }

    if (path !== '/' && !directories.has(parentPath(path))) {
      throw layoutError(path, 'its parent is not a directory of the tree');
    }

    if (type === 'directory') directories.add(path);
    before = path;
  }
}

function layoutError(path: string, why: string): GantryError {
  return new GantryError(
    'desired_state_invalid',
    `${JSON.stringify(path)} cannot be laid out: ${why}.`,
    { field: path },
  );
}
