import { GantryError } from '../shared/base/error.ts';
import { limits } from '../shared/base/limits/index.ts';
import { fsVerityDigest } from '../shared/composefs/index.ts';
import type { RenderedFile } from '../shared/contract/reconcile/index.ts';
import {
  ancestorPaths,
  compareBytes,
  parentPath,
  type TreeEntry,
} from '../shared/domain/files/index.ts';

/** What a generation is to look like, to the last byte outside the machine's own paths. */
export interface ExpectedTree {
  /** Byte-wise by path, every parent a directory before its children. */
  entries: TreeEntry[];
  /** Bytes of files that are not in the store. */
  contents: Map<string, Uint8Array>;
  /** Path → `<account>/<module>` whose it is; directories and the agent's own files have no owner. */
  owners: Map<string, string>;
}

/** Where the machine finds the metadata that its desired state carries (product.md, section 9). */
export const metadataPath = '/run/gantry/metadata.json';

export interface TreeParts {
  /** The merged root, as composed and checked. */
  entries: TreeEntry[];
  owners: Map<string, string>;
  rendered: RenderedFile[];
  metadata: Record<string, unknown>;
  /** Paths that exist on every machine, whatever modules ship. */
  writablePaths: string[];
}

/**
 * The merged root with the rendered files topmost. A rendered path that is not plain, or that would lie beneath or in place
 * of anything but a file, fails with `desired_state_invalid`: nothing is ever written through a symlink.
 */
export function expectedTree({
  entries,
  owners,
  rendered,
  metadata,
  writablePaths,
}: TreeParts): ExpectedTree {
  const tree = new Map(entries.map((entry) => [entry.path, entry]));
  const contents = new Map<string, Uint8Array>();
  const allOwners = new Map(owners);
  for (const entry of entries) {
    if (entry.type === 'file' && entry.size > 0 && entry.size <= limits.inlineFileBytesMax) {
      contents.set(entry.path, Buffer.from(entry.content ?? '', 'base64'));
    }
  }
  const place = (entry: TreeEntry, bytes: Uint8Array) => {
    requirePlain(entry.path);
    addParents(tree, entry.path);
    const there = tree.get(entry.path);
    if (there !== undefined && there.type !== 'file')
      throw unusable(entry.path, `a ${there.type} is there`);
    tree.set(entry.path, { ...entry, size: bytes.length, verity: fsVerityDigest(bytes) });
    contents.set(entry.path, bytes);
  };
  for (const file of rendered) {
    const { path, mode, uid, gid, mtime } = file;
    place(
      { path, type: 'file', mode: mode & 0o7777, uid, gid, mtime, mtime_ns: 0, size: 0 },
      Buffer.from(file.content, 'base64'),
    );
    allOwners.set(path, file.module);
  }
  if (canHold(tree, metadataPath)) {
    place(
      { ...plainFile, path: metadataPath },
      Buffer.from(`${JSON.stringify(metadata, null, 2)}\n`),
    );
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

/** Absolute, no empty, `.` or `..` part, no NUL, nothing that Linux refuses. */
function requirePlain(path: string): void {
  const parts = path.split('/').slice(1);
  const plain =
    path.startsWith('/') &&
    parts.every(
      (part) =>
        part !== '' &&
        part !== '.' &&
        part !== '..' &&
        Buffer.byteLength(part) <= limits.nameBytesMax,
    ) &&
    !path.includes('\0') &&
    Buffer.byteLength(path) < limits.pathBytesMax;
  if (!plain) throw unusable(path, 'expected an absolute path without empty, "." or ".." parts');
}

function addParents(tree: Map<string, TreeEntry>, path: string): void {
  for (const above of ancestorPaths(path)) {
    const entry = tree.get(above);
    if (entry === undefined) tree.set(above, { ...plainDirectory, path: above });
    else if (entry.type !== 'directory')
      throw unusable(path, `it would lie beneath ${above}, which is a ${entry.type}`);
  }
}

/** Whether nothing that modules ship stands in the way of a path. */
function canHold(tree: Map<string, TreeEntry>, path: string): boolean {
  const at = tree.get(path);
  if (at !== undefined && at.type !== 'file') return false;
  return ancestorPaths(path).every(
    (above) => (tree.get(above)?.type ?? 'directory') === 'directory',
  );
}

/** Whether a path is one of `tops` or below one. */
export function isWithin(path: string, tops: readonly string[]): boolean {
  return tops.some((top) => path === top || path.startsWith(`${top}/`));
}

/** A tree that breaks its own rules would make the writer leave its directory: a bug upstream, refused here. */
export function requireTree(entries: TreeEntry[]): void {
  const directories = new Set<string>();
  let before: string | undefined;
  for (const { path, type } of entries) {
    if (path !== '/') requirePlain(path);
    if (before !== undefined && compareBytes(before, path) >= 0)
      throw unusable(path, 'it is there twice or out of order');
    if (path !== '/' && !directories.has(parentPath(path)))
      throw unusable(path, 'its parent is not a directory of the tree');
    if (type === 'directory') directories.add(path);
    before = path;
  }
}

function unusable(path: string, why: string): GantryError {
  return new GantryError(
    'desired_state_invalid',
    `${JSON.stringify(path)} cannot be laid out: ${why}.`,
    {
      field: path,
    },
  );
}
