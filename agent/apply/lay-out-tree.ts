import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { deviceMajorMinor } from '../../shared/artifact/device.ts';
import { ancestorPaths, plainDirectory, type TreeEntry } from '../../shared/domain/files/index.ts';
import { makeBreather } from '../verify/content-check.ts';
import { type ExpectedTree, isDataLink } from '../verify/expected-tree.ts';
import { isStored, type Store } from '../verify/store.ts';
import { setExtendedAttributes } from './extended-attributes.ts';
import { isRoot, pathInRoot } from './tree-paths.ts';

export interface LayOutOptions {
  /** Parents come before their children, and the first entry is above all others. */
  entries: readonly TreeEntry[];
  contents: ExpectedTree['contents'];
  store: Store;
  /**
   * The path of the first entry. Nothing is there yet, and only the agent can enter the directory
   * that it is in.
   */
  into: string;
}

/**
 * Lays a tree out, by reflink where the file system can and else by copy.
 *
 * Everything is new and in a directory of the agent's own, and no call follows a link (`wx`, mkdir,
 * symlink).
 */
export async function layOutTree({ entries, contents, store, into }: LayOutOptions): Promise<void> {
  const top = entries[0]?.path ?? '/';
  const prefix = top === '/' ? 0 : top.length;
  const place = ({ path }: TreeEntry) => pathInRoot(into, path.slice(prefix) || '/');
  const directories: TreeEntry[] = [];
  const breathe = makeBreather();

  for (const entry of entries) {
    await breathe();

    if (entry.type === 'directory') {
      // Closed until it is full: its own mode may forbid even its owner to write.
      mkdirSync(place(entry), 0o700);
      directories.push(entry);
    } else {
      makeEntry(entry, place(entry), contents.get(entry.path), store);
    }
  }

  for (const entry of directories.reverse()) setAttributes(entry, place(entry));
  // After the owners, because chown(2) clears the capabilities of a file.
  await setExtendedAttributes(entries.map((entry) => ({ entry, path: place(entry) })));
}

/** The machine's paths whose data is a directory, which is mounted at their place. */
export function mountedPaths({ entries }: ExpectedTree, machineData: string): string[] {
  return entries
    .filter((entry) => isDataLink(entry) && isDataDirectory(machineData, entry.path))
    .map(({ path }) => path);
}

function isDataDirectory(machineData: string, path: string): boolean {
  return lstatSync(join(machineData, path), { throwIfNoEntry: false })?.isDirectory() === true;
}

export interface TopOptions {
  tree: ExpectedTree;
  store: Store;
  machineData: string;
  into: string;
}

/**
 * Lays out what a mounted root shows above its image: the files that only this machine has, with
 * their parents, as the topmost directory decides the attributes. A path of the machine whose data
 * is a directory is one here too, to mount the data at. Any other is a link to the data.
 */
export async function layOutTop({ tree, store, machineData, into }: TopOptions): Promise<void> {
  await layOutTree({
    entries: topEntries(tree, machineData),
    contents: tree.contents,
    store,
    into,
  });
}

function topEntries(tree: ExpectedTree, machineData: string): TreeEntry[] {
  const { entries, shippedData } = tree;
  const shown = pathsOfTop(tree);
  const shipped = new Map(shippedData.map((entry) => [entry.path, entry]));
  return entries
    .filter(({ path }) => shown.has(path))
    .map((entry) =>
      isDataLink(entry) && isDataDirectory(machineData, entry.path)
        ? { ...plainDirectory, ...attributesOf(shipped.get(entry.path)), path: entry.path }
        : entry,
    );
}

/** The paths that a mounted root shows above its image. */
export function pathsOfTop({ added }: ExpectedTree): Set<string> {
  return new Set([...added].flatMap((path) => [...ancestorPaths(path), path]));
}

/** The attributes that a module gives to a directory of the machine. */
function attributesOf(entry: TreeEntry | undefined): Partial<TreeEntry> {
  return entry?.type === 'directory' ? entry : {};
}

function makeEntry(
  entry: TreeEntry,
  path: string,
  content: Uint8Array | undefined,
  store: Store,
): void {
  switch (entry.type) {
    case 'file':
      makeFile(entry, path, content, store);
      break;
    case 'symlink':
      symlinkSync(entry.target as string, path);
      break;
    case 'fifo':
      execFileSync('mkfifo', ['-m', '600', path]);
      break;
    default:
      if (!isRoot) return;
      makeDevice(entry, path);
  }
  setAttributes(entry, path);
}

function makeFile(
  entry: TreeEntry,
  path: string,
  content: Uint8Array | undefined,
  store: Store,
): void {
  if (content === undefined && isStored(entry)) {
    const object = store.objectPath(entry.verity as string);
    copyFileSync(object, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } else {
    writeNewFile(path, content ?? new Uint8Array());
  }
}

function makeDevice({ type, rdev }: TreeEntry, path: string): void {
  const { major, minor } = deviceMajorMinor(rdev ?? 0);
  const kind = type === 'block' ? 'b' : 'c';
  execFileSync('mknod', ['-m', '600', path, kind, String(major), String(minor)]);
}

function writeNewFile(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  } finally {
    closeSync(file);
  }
}

/** Sets the owner before the mode, because chown(2) clears the set-uid bits. */
function setAttributes(entry: TreeEntry, path: string): void {
  const seconds = entry.mtime + entry.mtime_ns / 1e9;
  // Node takes a negative number for "now", but a negative date as it is.
  const time = seconds < 0 ? new Date(Math.max(seconds * 1000, -8.64e15)) : seconds;

  if (isRoot) lchownSync(path, entry.uid, entry.gid);
  // Symlinks have no mode of their own.
  if (entry.type !== 'symlink') chmodSync(path, entry.mode);
  lutimesSync(path, time, time);
}
