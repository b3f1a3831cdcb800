import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  type Stats,
  statSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { deviceMajorMinor } from '../shared/artifact/device.ts';
import { parentPath, type TreeEntry } from '../shared/domain/files/index.ts';
import { type ExpectedTree, isWithin } from './expected-tree.ts';
import { errnoOf } from './files.ts';
import { isStored } from './layer.ts';
import type { Store } from './store.ts';
import { breather } from './verity.ts';

export interface MaterialiseOptions {
  tree: ExpectedTree;
  store: Store;
  /** A directory that does not exist yet, in one that only the agent can enter. */
  into: string;
  /** The generation whose machine-owned paths are carried over. */
  from: string | undefined;
  writablePaths: string[];
}

/** Whether owners and devices can be set; otherwise files are the agent's own and devices are left out. */
export const isRoot = process.getuid?.() === 0;

/**
 * Lays a tree out by reflink where the file system can, else by copy. What the machine wrote below its writable paths in
 * the last generation is copied first and wins; what modules ship there only fills gaps. Extended attributes stay in the
 * composition image: Node cannot set them, so callers report them as missing.
 *
 * Everything is made anew in a directory of the agent's own (`wx`, mkdir, symlink: none follows what is there), parents
 * strictly before children, and below a writable path nothing is made beneath what is not a directory.
 */
export async function materialise({
  tree,
  store,
  into,
  from,
  writablePaths,
}: MaterialiseOptions): Promise<void> {
  const breathe = breather();
  const directories: TreeEntry[] = [];
  /** Paths where the machine has something else than the tree's directory. */
  const blocked = new Set<string>();
  for (const entry of tree.entries) {
    await breathe();
    const path = at(into, entry.path);
    if (isWithin(entry.path, writablePaths)) {
      if (blocked.has(parentPath(entry.path))) {
        blocked.add(entry.path);
        continue;
      }
      if (carryOver(entry, path, from, writablePaths)) {
        if (!isDirectory(path)) blocked.add(entry.path);
        continue;
      }
    }
    if (entry.type === 'directory') {
      // Closed until it is full; its own mode may forbid even its owner to write.
      mkdirSync(path, 0o700);
      directories.push(entry);
    } else {
      make(entry, path, tree, store);
    }
  }
  for (const entry of directories.reverse()) setAttributes(entry, at(into, entry.path));
}

/**
 * Whether the machine already has something at a path: copied whole where the path is a writable one itself, and below it
 * found as copied.
 */
function carryOver(
  entry: TreeEntry,
  path: string,
  from: string | undefined,
  writablePaths: string[],
): boolean {
  if (writablePaths.includes(entry.path) && from !== undefined && !exists(path)) {
    inOpened(from, asDirectory, (root) => copyBelow(root, entry.path.split('/').slice(1), path));
  }
  return exists(path);
}

/** Copies the directory that a path's parts lead to, where each is a real directory: a link would lead out of the root. */
function copyBelow(directory: string, [part, ...rest]: string[], target: string): void {
  if (part === undefined) copyDirectory(directory, target);
  else inOpened(`${directory}/${part}`, asDirectory, (below) => copyBelow(below, rest, target));
}

const asDirectory = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// Without O_NONBLOCK a fifo in a file's place would stop the agent.
const asFile = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Hands on a name for what is opened, which stays that whatever a path means a moment later: services write here while the
 * agent, as root, reads. What is gone or turned into something else meanwhile is passed over.
 */
function inOpened(path: string, flags: number, use: (name: string, file: number) => void): void {
  let file: number;
  try {
    file = openSync(path, flags);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errnoOf(error) ?? '')) return;
    throw error;
  }
  try {
    use(`/proc/self/fd/${file}`, file);
  } finally {
    closeSync(file);
  }
}

function copyDirectory(source: string, target: string): void {
  mkdirSync(target, 0o700);
  for (const name of readdirSync(source)) copyEntry(`${source}/${name}`, join(target, name));
  copyAttributes(statSync(source), target);
}

function copyEntry(from: string, to: string): void {
  const stat = lstatSync(from, { throwIfNoEntry: false });
  if (stat?.isDirectory()) inOpened(from, asDirectory, (opened) => copyDirectory(opened, to));
  else if (stat?.isFile())
    inOpened(from, asFile, (opened, file) => copyFile(opened, fstatSync(file), to));
  else if (stat?.isSymbolicLink()) copyLink(from, stat, to);
  // Sockets belong to running processes, which make them again.
  else if (stat?.isFIFO()) {
    execFileSync('mkfifo', [to]);
    copyAttributes(stat, to);
  }
}

function copyFile(from: string, stat: Stats, to: string): void {
  if (!stat.isFile()) return;
  copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  copyAttributes(stat, to);
}

function copyLink(from: string, stat: Stats, to: string): void {
  let target: string;
  try {
    target = readlinkSync(from);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return;
    throw error;
  }
  symlinkSync(target, to);
  copyAttributes(stat, to);
}

function copyAttributes(stat: Stats, path: string): void {
  if (isRoot) lchownSync(path, stat.uid, stat.gid);
  if (!stat.isSymbolicLink()) chmodSync(path, stat.mode & 0o7777);
  lutimesSync(path, stat.atime, stat.mtime);
}

function make(entry: TreeEntry, path: string, { contents }: ExpectedTree, store: Store): void {
  switch (entry.type) {
    case 'file': {
      const bytes = contents.get(entry.path);
      if (bytes === undefined && isStored(entry)) {
        copyFileSync(
          store.objectPath(entry.verity as string),
          path,
          constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE,
        );
      } else {
        writeNew(path, bytes ?? new Uint8Array());
      }
      break;
    }
    case 'symlink':
      symlinkSync(entry.target as string, path);
      break;
    case 'fifo':
      execFileSync('mkfifo', ['-m', '600', path]);
      break;
    default: {
      if (!isRoot) return;
      const { major, minor } = deviceMajorMinor(entry.rdev ?? 0);
      const type = entry.type === 'block' ? 'b' : 'c';
      execFileSync('mknod', ['-m', '600', path, type, String(major), String(minor)]);
    }
  }
  setAttributes(entry, path);
}

function writeNew(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  } finally {
    closeSync(file);
  }
}

/** Owner before mode: chown(2) clears the set-uid bits. */
function setAttributes(entry: TreeEntry, path: string): void {
  const seconds = entry.mtime + entry.mtime_ns / 1e9;
  // Node takes a negative number for "now", and a date as it is.
  const time = seconds < 0 ? new Date(Math.max(seconds * 1000, -8.64e15)) : seconds;
  if (isRoot) lchownSync(path, entry.uid, entry.gid);
  // Symlinks have no mode of their own.
  if (entry.type !== 'symlink') chmodSync(path, entry.mode);
  lutimesSync(path, time, time);
}

/** What of a tree this way of laying it out leaves away, in words; undefined when nothing. */
export function leftOut(tree: ExpectedTree): string | undefined {
  let attributes = 0;
  let devices = 0;
  for (const entry of tree.entries) {
    if (entry.xattrs !== undefined && Object.keys(entry.xattrs).length > 0) attributes++;
    if (!isRoot && (entry.type === 'character' || entry.type === 'block')) devices++;
  }
  const parts: string[] = [];
  if (attributes > 0) parts.push(`the extended attributes of ${attributes} entries`);
  if (devices > 0) parts.push(`${devices} devices, which only root can make`);
  return parts.length === 0 ? undefined : `Left out: ${parts.join(' and ')}.`;
}

/** Where a path of the tree lies. A trailing slash would make lstat(2) follow a link in the root's own place. */
export function at(root: string, path: string): string {
  return path === '/' ? root : join(root, path.slice(1));
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isDirectory(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}
