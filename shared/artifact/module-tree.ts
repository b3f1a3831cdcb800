import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../base/error.ts';
import { ancestorPaths, compareBytes, parentPath, type TreeEntry } from '../domain/files/index.ts';
import { shownMember } from './tar-path.ts';
import { TreeWeight } from './tree-weight.ts';

/**
 * A tree built entry by entry, in the order of an extractor. Its rules ensure that an archive means
 * exactly one plain tree.
 *
 * Invariants: the parent of every entry is a directory in the tree, or one that must still come. No
 * path occurs twice, except a directory with the same attributes. No path leads through a symlink.
 */
export class ModuleTree {
  readonly #entries = new Map<string, TreeEntry>();
  /** Directories that were needed before their own entry: path → the first path that needs it. */
  readonly #awaited = new Map<string, string>();
  readonly #weight: TreeWeight;

  /** @param entriesMax defaults to `limits.layerEntriesMax` */
  constructor(entriesMax?: number) {
    this.#weight = new TreeWeight(entriesMax);
  }

  /**
   * Adds an entry.
   * @returns false for a directory that is there already
   * @throws GantryError `layer_entries_too_many`, `layer_too_large`, `tar_duplicate_entry`,
   * `tar_missing_parent`, `tar_path_through_symlink`, `tar_entry_unexpected` (a root that is not a
   * directory), `tar_malformed` (an impossible time)
   */
  add(entry: TreeEntry): boolean {
    this.#weight.add(entry);
    const { path, type } = entry;
    const earlier = this.#entries.get(path);
    if (earlier !== undefined) {
      requireSameDirectory(earlier, entry);
      return false;
    }

    if (path !== '/') this.#checkParent(path);
    else if (type !== 'directory')
      throw new GantryError('tar_entry_unexpected', `rootfs is a ${type}, expected a directory`);

    const child = this.#awaited.get(path);
    if (child !== undefined && type !== 'directory')
      throw missingParent(child, path, `is a ${type}`);
    this.#awaited.delete(path);
    this.#entries.set(path, entry);
    return true;
  }

  /**
   * Returns the entry that a hard link refers to. It may be a symlink: `cp -al` and GNU tar link
   * those too, and mkcomposefs images each link as an entry of its own.
   * @param link the path of the link itself, for the error message
   * @throws GantryError `tar_path_through_symlink`, `tar_hardlink_invalid`
   */
  hardLinkTarget(target: string, link: string): TreeEntry {
    const entry = this.#entries.get(target);
    if (entry !== undefined && entry.type !== 'directory') return entry;

    const what = `the hard link ${shownMember(link)} names ${shownMember(target)}`;
    const symlink = entry ? undefined : this.#symlinkAbove(target);
    if (symlink) throw throughSymlink(what, symlink);

    const found = entry ? `a ${entry.type}` : 'not in the archive before it';
    const message = `${what}, which is ${found}; expected an earlier entry other than a directory`;
    throw new GantryError('tar_hardlink_invalid', message, { found: target });
  }

  /**
   * Returns all entries, sorted by path in byte order.
   * @throws GantryError `tar_missing_parent` for a tree without its root or another parent
   */
  entries(): TreeEntry[] {
    for (const [path, child] of this.#awaited) {
      if (path !== '/') throw missingParent(child, path, 'is not in the archive');
    }

    if (!this.#entries.has('/')) {
      throw new GantryError(
        'tar_missing_parent',
        'the archive has no entry rootfs/, expected it before what is below it',
      );
    }
    return [...this.#entries.values()].sort((a, b) => compareBytes(a.path, b.path));
  }

  #checkParent(path: string): void {
    const above = parentPath(path);
    const parent = this.#entries.get(above);
    if (parent?.type === 'directory') return;

    const symlink = this.#symlinkAbove(path);
    if (symlink) throw throughSymlink(shownMember(path), symlink);
    if (parent) throw missingParent(path, above, `is a ${parent.type}`);
    if (!this.#awaited.has(above)) this.#awaited.set(above, path);
  }

  #symlinkAbove(path: string): string | undefined {
    return ancestorPaths(path).find((ancestor) => this.#entries.get(ancestor)?.type === 'symlink');
  }
}

function throughSymlink(what: string, symlink: string): GantryError {
  const message = `${what}, which leads through the symlink ${shownMember(symlink)}; expected directories all the way`;
  return new GantryError('tar_path_through_symlink', message, { found: symlink });
}

function missingParent(path: string, parent: string, state: string): GantryError {
  const message = `${shownMember(path)} needs its parent as a directory entry, but ${shownMember(parent)} ${state}`;
  return new GantryError('tar_missing_parent', message, { found: path });
}

/**
 * Extractors take a repeated directory for one, but differ in whose attributes count.
 * @throws GantryError `tar_duplicate_entry`
 */
function requireSameDirectory(earlier: TreeEntry, entry: TreeEntry): void {
  if (entry.type === 'directory' && isDeepStrictEqual(earlier, entry)) return;

  const both = earlier.type === 'directory' && entry.type === 'directory';
  throw duplicateEntry(entry.path, both ? 'twice with different attributes' : 'twice');
}

export function duplicateEntry(path: string, found = 'twice'): GantryError {
  const message = `${shownMember(path)} is in the archive ${found}, expected once`;
  return new GantryError('tar_duplicate_entry', message, { found: path });
}
