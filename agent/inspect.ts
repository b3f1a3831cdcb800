import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { fsVerityDigest } from '../shared/composefs/index.ts';
import { compareBytes, parentPath, type TreeEntry } from '../shared/domain/files/index.ts';
import { type ExpectedTree, isWithin } from './expected-tree.ts';
import { errnoOf } from './files.ts';
import { at, isRoot } from './materialise.ts';
import { breather, type ContentCheck } from './verity.ts';

/** Where running services write what nobody ships and what a reboot clears; looked at by nobody. */
const volatilePaths = ['/dev', '/proc', '/run', '/sys', '/tmp'];

export interface RootProblem {
  path: string;
  /** What is wrong, as the end of a sentence that begins with the path. */
  what: string;
  /** `<account>/<module>` whose path it is; undefined for directories and for what no module ships. */
  module: string | undefined;
}

/**
 * Compares a generation with the tree that it is to be: type, permission bits, owner (as root), size, link target and
 * content of every entry, and that nothing was added. Left out: the machine's writable paths and what is volatile.
 */
export async function inspectRoot(
  root: string,
  tree: ExpectedTree,
  writablePaths: readonly string[],
  check: ContentCheck,
): Promise<RootProblem[]> {
  const problems: RootProblem[] = [];
  const unchecked = [...writablePaths, ...volatilePaths];
  const shipped = childrenOf(tree.entries);
  /** Directories that are not what they should be: below them nothing can be looked at without following a link. */
  const gone = new Set<string>();
  const breathe = breather();
  for (const entry of tree.entries) {
    await breathe();
    if (isWithin(entry.path, unchecked)) continue;
    if (gone.has(parentPath(entry.path)) && entry.path !== '/') {
      if (entry.type === 'directory') gone.add(entry.path);
      else
        problems.push({
          path: entry.path,
          what: 'is missing with its directory',
          module: tree.owners.get(entry.path),
        });
      continue;
    }
    const what = faultOf(entry, at(root, entry.path), tree, check);
    if (what !== undefined)
      problems.push({ path: entry.path, what, module: tree.owners.get(entry.path) });
    if (entry.type !== 'directory') continue;
    if (what !== undefined && !isRealDirectory(at(root, entry.path))) gone.add(entry.path);
    else problems.push(...additions(root, entry.path, shipped.get(entry.path), unchecked));
  }
  return problems;
}

function faultOf(
  entry: TreeEntry,
  path: string,
  tree: ExpectedTree,
  check: ContentCheck,
): string | undefined {
  // Devices are made by root only.
  if (!isRoot && (entry.type === 'character' || entry.type === 'block')) return undefined;
  let stat: Stats;
  try {
    stat = lstatSync(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'is missing';
    if (code === 'EACCES' && !isRoot) return undefined;
    throw error;
  }
  const type = typeOf(stat);
  if (type !== entry.type) return `is a ${type}, expected a ${entry.type}`;
  if (type === 'symlink') {
    const target = readlinkSync(path);
    return target === entry.target
      ? undefined
      : `points to ${JSON.stringify(target)}, expected ${JSON.stringify(entry.target)}`;
  }
  const mode = stat.mode & 0o7777;
  if (mode !== entry.mode) return `has mode ${octal(mode)}, expected ${octal(entry.mode)}`;
  if (isRoot && (stat.uid !== entry.uid || stat.gid !== entry.gid)) {
    return `belongs to ${stat.uid}:${stat.gid}, expected ${entry.uid}:${entry.gid}`;
  }
  return type === 'file' ? contentFault(entry, path, stat, tree, check) : undefined;
}

function contentFault(
  entry: TreeEntry,
  path: string,
  stat: Stats,
  { contents }: ExpectedTree,
  check: ContentCheck,
): string | undefined {
  if (stat.size !== entry.size) return `has ${stat.size} bytes, expected ${entry.size}`;
  if (entry.size === 0) return undefined;
  const bytes = contents.get(entry.path);
  const verity = bytes === undefined ? (entry.verity as string) : fsVerityDigest(bytes);
  try {
    return check.holds(path, verity, entry.size) ? undefined : 'has other content';
  } catch (error) {
    // A file whose own mode keeps the agent out, which runs as its owner: nobody but root could tell.
    if (errnoOf(error) === 'EACCES' && !isRoot) return undefined;
    if (errnoOf(error) === 'ELOOP' || errnoOf(error) === 'ENOENT')
      return 'changed while it was looked at';
    throw error;
  }
}

function additions(
  root: string,
  directory: string,
  shipped: Set<string> | undefined,
  unchecked: string[],
): RootProblem[] {
  const names = listed(at(root, directory)).filter((name) => shipped?.has(name) !== true);
  return names
    .map((name) => (directory === '/' ? `/${name}` : `${directory}/${name}`))
    .filter((path) => !isWithin(path, unchecked))
    .sort(compareBytes)
    .map((path) => ({ path, what: 'is there, though no module ships it', module: undefined }));
}

function listed(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === 'EACCES' && !isRoot) return [];
    throw error;
  }
}

function childrenOf(entries: TreeEntry[]): Map<string, Set<string>> {
  const children = new Map<string, Set<string>>();
  for (const { path } of entries) {
    if (path === '/') continue;
    const parent = parentPath(path);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const names = children.get(parent);
    if (names === undefined) children.set(parent, new Set([name]));
    else names.add(name);
  }
  return children;
}

function isRealDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
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
