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
} from 'node:fs';
import { join } from 'node:path';
import { parentPath, type TreeEntry } from '../../shared/domain/files/index.ts';
import { errnoOf } from '../failure.ts';
import { isWithin } from '../verify/expected-tree.ts';
import { isRoot, pathInRoot } from './tree-paths.ts';

export interface CarryOverOptions {
  /** The root file system of the last generation; undefined when there is none. */
  from: string | undefined;
  /** The root file system that is being laid out. */
  into: string;
  writablePaths: string[];
}

/**
 * Carries what the machine wrote below its writable paths into the next generation. It is copied
 * before modules' files are laid out there, and wins over them: what modules ship only fills gaps.
 */
export class CarriedPaths {
  readonly #options: CarryOverOptions;
  /**
   * Paths where the machine has something else than the tree's directory: nothing is laid out below
   * them.
   */
  readonly #blocked = new Set<string>();

  constructor(options: CarryOverOptions) {
    this.#options = options;
  }

  /**
   * Whether the machine has something at an entry's path or in its way, so that the entry is not
   * laid out. Copies a writable path when it comes to it. Entries come parents first.
   */
  hold({ path }: TreeEntry): boolean {
    const { into, writablePaths } = this.#options;
    if (!isWithin(path, writablePaths)) return false;
    if (this.#blocked.has(parentPath(path))) {
      this.#blocked.add(path);
      return true;
    }

    const target = pathInRoot(into, path);
    if (writablePaths.includes(path)) this.#copy(path, target);
    if (!exists(target)) return false;

    if (!isDirectory(target)) this.#blocked.add(path);
    return true;
  }

  /** Copies a writable path, unless it came with another one above it. */
  #copy(path: string, target: string): void {
    const { from } = this.#options;
    if (from === undefined || exists(target)) return;

    openSafely(from, asDirectory, (root) => copyBelow(root, path.split('/').slice(1), target));
  }
}

/**
 * Copies the directory that the parts of a path lead to. Each must be a real directory: a link
 * could lead out of the root.
 */
function copyBelow(directory: string, [part, ...rest]: string[], target: string): void {
  if (part === undefined) copyDirectory(directory, target);
  else openSafely(`${directory}/${part}`, asDirectory, (below) => copyBelow(below, rest, target));
}

const asDirectory = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// Without O_NONBLOCK a fifo in place of a file would block the agent.
const asFile = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Opens a path and passes on a name for what it opened. That name keeps its meaning whatever
 * happens to the path: services write here while the agent reads as root. What is gone or has
 * become something else is skipped.
 */
function openSafely(path: string, flags: number, use: (name: string, file: number) => void): void {
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
  if (stat?.isDirectory()) openSafely(from, asDirectory, (opened) => copyDirectory(opened, to));
  else if (stat?.isFile())
    openSafely(from, asFile, (opened, file) => copyFile(opened, fstatSync(file), to));
  else if (stat?.isSymbolicLink()) copyLink(from, stat, to);
  // A socket belongs to a running process, which makes it again.
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
