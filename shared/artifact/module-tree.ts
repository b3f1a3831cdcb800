import { GantryError } from '../base/error.ts';
import { ancestorPaths, compareBytes, parentPath, type TreeEntry } from '../domain/files/index.ts';
import { shownMember } from './tar-path.ts';
import { TreeWeight } from './tree-weight.ts';

/**
 * A tree built entry by entry, every parent before its children, in the order of an extractor. Its
 * rules ensure that an archive means exactly one plain tree.
 *
 * Invariants: the parent of every entry is a directory in the tree, no path occurs twice, and no
 * path leads through a symlink.
 */
export class ModuleTree {
  readonly #entries = new Map<string, TreeEntry>();
  readonly #weight: TreeWeight;

  /** @param entriesMax defaults to `limits.layerEntriesMax` */
  constructor(entriesMax?: number) {
    this.#weight = new TreeWeight(entriesMax);
  }

  /**
   * Adds an entry.
   * @throws GantryError `layer_entries_too_many`, `layer_too_large`, `tar_duplicate_entry`,
   * `tar_missing_parent`, `tar_path_through_symlink`, `tar_entry_unexpected` (a root that is not a
   * directory), `tar_malformed` (an impossible time)
   */
  add(entry: TreeEntry): void {
    this.#weight.add(entry);
    if (this.#entries.has(entry.path)) {
      throw new GantryError(
        'tar_duplicate_entry',
        `${shownMember(entry.path)} is in the archive twice, expected once`,
        {
          found: entry.path,
        },
      );
    }

    if (entry.path !== '/') this.#checkParent(entry.path);
    else if (entry.type !== 'directory') {
      throw new GantryError(
        'tar_entry_unexpected',
        `rootfs is a ${entry.type}, expected a directory`,
      );
    }

    this.#entries.set(entry.path, entry);
  }

  /**
   * Returns the regular file that a hard link refers to.
   * @param link the path of the link itself, for the error message
   * @throws GantryError `tar_path_through_symlink`, `tar_hardlink_invalid`
   */
  hardLinkTarget(target: string, link: string): TreeEntry {
    const entry = this.#entries.get(target);
    if (entry?.type === 'file') return entry;

    const what = `the hard link ${shownMember(link)} names ${shownMember(target)}`;
    const symlink = entry ? undefined : this.#symlinkAbove(target);
    if (symlink) throw throughSymlink(what, symlink);

    const found = entry ? `a ${entry.type}` : 'not in the archive before it';
    const message = `${what}, which is ${found}; expected an earlier regular file`;
    throw new GantryError('tar_hardlink_invalid', message, { found: target });
  }

  /**
   * Returns all entries, sorted by path in byte order.
   * @throws GantryError `tar_missing_parent` for a tree without its root
   */
  entries(): TreeEntry[] {
    if (!this.#entries.has('/')) {
      throw new GantryError(
        'tar_missing_parent',
        'the archive has no entry rootfs/, expected it before what is below it',
      );
    }
    return [...this.#entries.values()].sort((a, b) => compareBytes(a.path, b.path));
  }

  #checkParent(path: string): void {
    const parent = this.#entries.get(parentPath(path));
    if (parent?.type === 'directory') return;

    const symlink = this.#symlinkAbove(path);
    if (symlink) throw throughSymlink(shownMember(path), symlink);

    const state = parent ? `is a ${parent.type}` : 'is not in the archive before it';
    const message = `${shownMember(path)} needs its parent as an earlier directory entry, but ${shownMember(parentPath(path))} ${state}`;
    throw new GantryError('tar_missing_parent', message, { found: path });
  }

  #symlinkAbove(path: string): string | undefined {
    return ancestorPaths(path).find((ancestor) => this.#entries.get(ancestor)?.type === 'symlink');
  }
}

function throughSymlink(what: string, symlink: string): GantryError {
  const message = `${what}, which leads through the symlink ${shownMember(symlink)}; expected directories all the way`;
  return new GantryError('tar_path_through_symlink', message, { found: symlink });
}
