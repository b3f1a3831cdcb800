import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { fsVerityDigest } from '../../shared/composefs/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import { isRoot } from '../apply/tree-paths.ts';
import { errnoOf } from '../failure.ts';
import type { ContentCheck } from '../verify/content-check.ts';
import type { ExpectedTree } from '../verify/expected-tree.ts';

/**
 * The fault of an entry on the disk, as the end of a sentence that begins with its path; undefined
 * if it is right.
 */
export function findEntryFault(
  entry: TreeEntry,
  path: string,
  tree: ExpectedTree,
  check: ContentCheck,
): string | undefined {
  // Only root can make devices.
  if (!isRoot && (entry.type === 'character' || entry.type === 'block')) return undefined;

  const found = readStat(path);
  if (found === 'missing') return 'is missing';
  if (found === 'denied') return undefined;

  const type = typeOf(found);
  if (type !== entry.type) return `is a ${type}, expected a ${entry.type}`;
  if (type === 'symlink') return findLinkFault(entry, path);

  return (
    findAttributeFault(entry, found) ??
    (type === 'file' ? findContentFault(entry, path, tree, check) : undefined)
  );
}

/** `denied` where directory modes keep an agent that is not root from looking. */
function readStat(path: string): Stats | 'missing' | 'denied' {
  try {
    return lstatSync(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return 'missing';
    if (errno === 'EACCES' && !isRoot) return 'denied';
    throw error;
  }
}

function findLinkFault(entry: TreeEntry, path: string): string | undefined {
  const target = readlinkSync(path);
  return target === entry.target
    ? undefined
    : `points to ${JSON.stringify(target)}, expected ${JSON.stringify(entry.target)}`;
}

function findAttributeFault(entry: TreeEntry, found: Stats): string | undefined {
  const mode = found.mode & 0o7777;
  if (mode !== entry.mode) return `has mode ${octal(mode)}, expected ${octal(entry.mode)}`;

  if (isRoot && (found.uid !== entry.uid || found.gid !== entry.gid)) {
    return `belongs to ${found.uid}:${found.gid}, expected ${entry.uid}:${entry.gid}`;
  }

  if (entry.type === 'file' && found.size !== entry.size) {
    return `has ${found.size} bytes, expected ${entry.size}`;
  }

  return undefined;
}

function findContentFault(
  entry: TreeEntry,
  path: string,
  { contents }: ExpectedTree,
  check: ContentCheck,
): string | undefined {
  if (entry.size === 0) return undefined;

  const bytes = contents.get(entry.path);
  const verity = bytes === undefined ? (entry.verity as string) : fsVerityDigest(bytes);

  try {
    return check.holds(path, verity, entry.size) ? undefined : 'has other content';
  } catch (error) {
    const errno = errnoOf(error);
    // The file's own mode keeps out an agent that runs as its owner; only root could look.
    if (errno === 'EACCES' && !isRoot) return undefined;
    if (errno === 'ELOOP' || errno === 'ENOENT') return 'changed during the inspection';
    throw error;
  }
}

function typeOf(stat: Stats): TreeEntry['type'] | 'socket' {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isBlockDevice()) return 'block';

  return stat.isCharacterDevice() ? 'character' : 'socket';
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
