import { lstatSync, readdirSync } from 'node:fs';
import { compareBytes, parentPath, type TreeEntry } from '../../shared/domain/files/index.ts';
import { isRoot, pathInRoot } from '../apply/tree-paths.ts';
import { errnoOf } from '../failure.ts';
import type { Layout } from '../mount/choose-layout.ts';
import { type ContentCheck, makeBreather } from '../verify/content-check.ts';
import {
  dataMountPoint,
  type ExpectedTree,
  isDataLink,
  isWithin,
} from '../verify/expected-tree.ts';
import { findEntryFault } from './entry-fault.ts';

/**
 * Directories in which running services write files that a reboot clears, or in which the machine's
 * data may be mounted. They are not inspected.
 */
export const unchecked = ['/dev', '/proc', '/run', '/sys', '/tmp', dataMountPoint];

export interface RootProblem {
  path: string;
  /** The fault, as the end of a sentence that begins with the path. */
  what: string;
  /**
   * `<account>/<module>` that ships the path; undefined for directories and for paths that no
   * module ships.
   */
  module: string | undefined;
}

export interface InspectOptions {
  /** Path of the root file system. */
  root: string;
  tree: ExpectedTree;
  check: ContentCheck;
  layout: Layout;
}

/**
 * Compares a root file system with its expected tree: type, permission bits, owner (as root), size,
 * link target and content of every entry, and that nothing was added. It skips some
 * directories.
 */
export async function inspectRoot(options: InspectOptions): Promise<RootProblem[]> {
  const inspection = new Inspection(options);
  const breathe = makeBreather();

  for (const entry of options.tree.entries) {
    await breathe();
    inspection.visit(entry);
  }

  return inspection.problems;
}

class Inspection {
  readonly problems: RootProblem[] = [];
  readonly #unchecked: string[];
  readonly #options: InspectOptions;
  readonly #children: Map<string, Set<string>>;
  /** Directories that are something else on the disk. Looking below them could follow a link. */
  readonly #gone = new Set<string>();

  constructor(options: InspectOptions) {
    this.#options = options;
    // The machine's data is mounted there, or a link leads to it.
    const data = options.layout === 'mount' ? options.tree.entries.filter(isDataLink) : [];
    this.#unchecked = [...unchecked, ...data.map(({ path }) => path)];
    this.#children = childrenOf(options.tree.entries);
  }

  visit(entry: TreeEntry): void {
    if (isWithin(entry.path, this.#unchecked)) return;

    if (entry.path !== '/' && this.#gone.has(parentPath(entry.path))) {
      if (entry.type === 'directory') this.#gone.add(entry.path);
      else this.#report(entry, 'is missing with its directory');
      return;
    }

    const { root, tree, check } = this.#options;
    const path = pathInRoot(root, entry.path);
    const fault = findEntryFault(entry, path, tree, check);
    if (fault !== undefined) this.#report(entry, fault);

    if (entry.type !== 'directory') return;
    if (fault !== undefined && !isRealDirectory(path)) this.#gone.add(entry.path);
    else this.#reportAdditions(entry.path);
  }

  #report({ path }: TreeEntry, what: string): void {
    this.problems.push({ path, what, module: this.#options.tree.owners.get(path) });
  }

  #reportAdditions(directory: string): void {
    const shipped = this.#children.get(directory);
    const added = listDirectory(pathInRoot(this.#options.root, directory))
      .filter((name) => shipped?.has(name) !== true)
      .map((name) => (directory === '/' ? `/${name}` : `${directory}/${name}`))
      .filter((path) => !isWithin(path, this.#unchecked))
      .sort(compareBytes);

    for (const path of added) {
      this.problems.push({ path, what: 'is there, though no module ships it', module: undefined });
    }
  }
}

function listDirectory(path: string): string[] {
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

    const name = path.slice(path.lastIndexOf('/') + 1);
    const names = children.get(parentPath(path));
    if (names === undefined) children.set(parentPath(path), new Set([name]));
    else names.add(name);
  }

  return children;
}

function isRealDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
