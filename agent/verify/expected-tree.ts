import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { fsVerityDigest } from '../../shared/composefs/index.ts';
import type { RenderedFile } from '../../shared/contract/reconcile/index.ts';
import {
  ancestorPaths,
  compareBytes,
  parentPath,
  plainDirectory,
  plainFile,
  type TreeEntry,
} from '../../shared/domain/files/index.ts';
import { machineDataName } from '../paths.ts';
import { isIdentityFile } from './machine-files.ts';

/** What a machine must look like. */
export interface ExpectedTree {
  /**
   * What a generation holds, to the last byte. Byte-wise by path, so every parent directory comes
   * before its children.
   */
  entries: TreeEntry[];
  /** What modules ship among the machine's data, with its parents: laid out where it is absent. */
  shippedData: TreeEntry[];
  /** Bytes of files that are not in the store. */
  contents: Map<string, Uint8Array>;
  /**
   * Path → `<account>/<module>` that ships it. Directories and the agent's own files have no owner.
   */
  owners: Map<string, string>;
  /**
   * Paths of the entries that the signed image lacks: rendered files, the metadata, and what takes
   * the place of the machine's own paths.
   */
  added: ReadonlySet<string>;
}

/** Where the machine finds the metadata of its desired state (product.md, section 9). */
export const metadataPath = '/run/gantry/metadata.json';

/** An empty directory in each root, to mount the machine's data at. */
export const dataMountPoint = `/${machineDataName}`;

export interface TreeParts {
  /** The merged root, as composed and verified. */
  entries: TreeEntry[];
  owners: Map<string, string>;
  /** Bytes of files of the generated layer, by path; none without one. */
  generated?: ReadonlyMap<string, Uint8Array>;
  rendered: RenderedFile[];
  metadata: Record<string, unknown>;
  /** The machine's own paths, which exist whatever modules ship. */
  writablePaths: string[];
  /** Directories that the root must have because the kernel's file systems are mounted there. */
  mountPoints?: readonly string[];
  /** Files of the machine, each in a directory that modules ship; see machine-files.ts. */
  machineFiles?: readonly string[];
}

/** What systemd mounts in the root of a unit. It cannot make them in a root that is mounted. */
export const kernelMountPoints = ['/dev', '/proc', '/run', '/sys', '/tmp'];

/**
 * Adds the rendered files to the merged root, as the topmost layer, and takes the machine's own
 * paths out of it. Nothing is ever written through a symlink.
 *
 * @throws `desired_state_invalid` when the tree breaks its own rules, or a rendered path is not
 * plain or lies below or in place of anything but a file.
 */
export function expectedTree({
  entries,
  owners,
  generated = new Map(),
  rendered,
  metadata,
  writablePaths,
  mountPoints = [],
  machineFiles = [],
}: TreeParts): ExpectedTree {
  const tree = new Map(entries.map((entry) => [entry.path, entry]));
  const contents = new Map([...inlineContents(entries), ...generated]);
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

  const machinePaths = outermostPaths(writablePaths).filter((path) => hasRoomFor(tree, path));
  for (const path of [dataMountPoint, ...mountPoints, ...machinePaths]) {
    addParents(tree, path);
    if (!tree.has(path)) tree.set(path, { ...plainDirectory, path });
  }

  const files = machineFiles.filter((path) => isMachineFile(tree, path, machinePaths));
  for (const path of files) {
    if (isIdentityFile(path) || !tree.has(path)) tree.set(path, dataLink(path));
  }

  const sorted = [...tree.values()].sort((a, b) => compareBytes(a.path, b.path));
  requireTree(sorted);
  const split = splitTree(sorted, [...machinePaths, ...files]);
  const composed = new Set(entries);
  const added = split.entries.filter((entry) => !composed.has(entry)).map(({ path }) => path);

  return { ...split, contents, owners: allOwners, added: new Set(added) };
}

/** A link that a module ships stays: it leads somewhere else from where the machine's data is. */
function isMachineFile(
  tree: Map<string, TreeEntry>,
  path: string,
  machinePaths: readonly string[],
): boolean {
  if (isWithin(path, machinePaths)) return false;
  if (tree.get(parentPath(path))?.type !== 'directory') return false;
  return ['file', undefined].includes(tree.get(path)?.type);
}

/** Puts a link in the place of each of the machine's paths, and what is shipped there aside. */
function splitTree(
  tree: TreeEntry[],
  machinePaths: string[],
): Pick<ExpectedTree, 'entries' | 'shippedData'> {
  const above = new Set(machinePaths.flatMap(ancestorPaths));

  return {
    entries: tree
      .filter(({ path }) => machinePaths.includes(path) || !isWithin(path, machinePaths))
      .map((entry) => (machinePaths.includes(entry.path) ? dataLink(entry.path) : entry)),
    shippedData: tree.filter(
      (entry) =>
        above.has(entry.path) || (isWithin(entry.path, machinePaths) && !isDataLink(entry)),
    ),
  };
}

/** Without the paths that are below another one: they come with it. */
export function outermostPaths(paths: readonly string[]): string[] {
  return [...new Set(paths)].filter(
    (path) =>
      !isWithin(
        path,
        paths.filter((other) => other !== path),
      ),
  );
}

/**
 * The link in a generation that leads to the machine's data. It also works inside a chroot, a unit
 * or a container that has the machine's data mounted at `dataMountPoint`, because `..` of a root is
 * the root itself.
 */
export function dataLink(path: string): TreeEntry {
  const levels = path.split('/').length;
  const target = `${'../'.repeat(levels)}${machineDataName}${path}`;
  return { ...plainFile, path, type: 'symlink', mode: 0o777, size: target.length, target };
}

/** Whether an entry of an expected tree stands in the place of one of the machine's paths. */
export function isDataLink({ path, type, target }: TreeEntry): boolean {
  return type === 'symlink' && target === dataLink(path).target;
}

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
  return (existing === undefined || existing.type === 'file') && hasRoomFor(tree, path);
}

/** Whether everything above a path is, or can be made, a directory. */
function hasRoomFor(tree: Map<string, TreeEntry>, path: string): boolean {
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
