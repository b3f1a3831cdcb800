import { ancestorPaths, compareBytes, parentPath, type TreeEntry } from '../domain/tree.ts';
import { GantryError } from '../error.ts';
import { limits } from '../limits.ts';
import { tarMalformed } from './tar-header.ts';

export interface ModuleTreeLimits {
  entriesMax: number;
  indexBytesMax: number;
  unpackedBytesMax: number;
}

/** What ext4 can keep: December 1901 to May 2446. A time beyond comes back as another from a machine's disk. */
const mtimeMin = -(2 ** 31);
const mtimeMax = 2 ** 34 - 2 ** 31 - 1;

/**
 * A tree that is put together entry by entry, every parent before its children, as an extractor would meet them. Holds the
 * rules that keep an archive from meaning anything but one plain tree.
 *
 * Invariants: every entry's parent is a directory in the tree; no path is there twice; nothing is below a symlink.
 */
export class ModuleTree {
  readonly #entries = new Map<string, TreeEntry>();
  readonly #limits: ModuleTreeLimits;
  #indexBytes = 0;
  #unpackedBytes = 0;

  constructor(treeLimits: ModuleTreeLimits) {
    this.#limits = treeLimits;
  }

  /**
   * @throws GantryError `layer_entries_too_many`, `layer_too_large`, `tar_duplicate_entry`, `tar_missing_parent`,
   * `tar_path_through_symlink`, `tar_entry_unexpected` (a root that is no directory), `tar_malformed` (an impossible time).
   */
  add(entry: TreeEntry): void {
    if (this.#entries.size >= this.#limits.entriesMax) {
      throw new GantryError('layer_entries_too_many', `the layer has more than ${this.#limits.entriesMax} entries`, {
        expected: this.#limits.entriesMax,
      });
    }
    this.#weigh(entry);
    if (entry.mtime < mtimeMin || entry.mtime > mtimeMax) {
      const message = `${shown(entry.path)} has the time ${entry.mtime}, expected ${mtimeMin} to ${mtimeMax} s since 1970`;
      throw tarMalformed(message, { found: entry.mtime });
    }
    if (this.#entries.has(entry.path)) {
      throw new GantryError('tar_duplicate_entry', `${shown(entry.path)} is in the archive twice, expected once`, {
        found: entry.path,
      });
    }
    if (entry.path !== '/') this.#checkParent(entry.path);
    else if (entry.type !== 'directory') {
      throw new GantryError('tar_entry_unexpected', `rootfs is a ${entry.type}, expected a directory`);
    }
    this.#entries.set(entry.path, entry);
  }

  /**
   * The regular file that a hard link stands for.
   * @param link the link's own path, for the sentence.
   * @throws GantryError `tar_path_through_symlink`, `tar_hardlink_invalid`.
   */
  hardLinkTarget(target: string, link: string): TreeEntry {
    const entry = this.#entries.get(target);
    if (entry?.type === 'file') return entry;
    const what = `the hard link ${shown(link)} names ${shown(target)}`;
    const symlink = entry ? undefined : this.#symlinkAbove(target);
    if (symlink) throw throughSymlink(what, symlink);
    const found = entry ? `a ${entry.type}` : 'not in the archive before it';
    const message = `${what}, which is ${found}; expected an earlier regular file`;
    throw new GantryError('tar_hardlink_invalid', message, { found: target });
  }

  /**
   * All entries, byte-wise by path.
   * @throws GantryError `tar_missing_parent` for a tree without its root.
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

  #weigh(entry: TreeEntry): void {
    const { indexBytesMax, unpackedBytesMax } = this.#limits;
    this.#indexBytes += indexBytes(entry);
    if (this.#indexBytes > indexBytesMax) {
      const message = `paths, link targets and attributes of the layer pass ${indexBytesMax} bytes`;
      throw new GantryError('layer_too_large', message, { expected: indexBytesMax });
    }
    if (entry.type === 'file') this.#unpackedBytes += entry.size;
    if (this.#unpackedBytes > unpackedBytesMax) {
      const message = `the files of the layer, hard links each, pass ${unpackedBytesMax} bytes at ${shown(entry.path)}`;
      throw new GantryError('layer_too_large', message, { expected: unpackedBytesMax });
    }
  }

  #checkParent(path: string): void {
    const parent = this.#entries.get(parentPath(path));
    if (parent?.type === 'directory') return;
    const symlink = this.#symlinkAbove(path);
    if (symlink) throw throughSymlink(shown(path), symlink);
    const state = parent ? `is a ${parent.type}` : 'is not in the archive before it';
    const message = `${shown(path)} needs its parent as an earlier directory entry, but ${shown(parentPath(path))} ${state}`;
    throw new GantryError('tar_missing_parent', message, { found: path });
  }

  #symlinkAbove(path: string): string | undefined {
    return ancestorPaths(path).find((ancestor) => this.#entries.get(ancestor)?.type === 'symlink');
  }
}

function throughSymlink(what: string, symlink: string): GantryError {
  const message = `${what}, which leads through the symlink ${shown(symlink)}; expected directories all the way`;
  return new GantryError('tar_path_through_symlink', message, { found: symlink });
}

function indexBytes(entry: TreeEntry): number {
  let bytes = Buffer.byteLength(entry.path) + Buffer.byteLength(entry.target ?? '');
  for (const name in entry.xattrs) bytes += name.length + (entry.xattrs[name]?.length ?? 0);
  return bytes;
}

/** A path of the tree as it is named in the archive, short enough for a sentence. */
function shown(path: string): string {
  const member = `rootfs${path === '/' ? '/' : path}`;
  return JSON.stringify(member.length > 200 ? `${member.slice(0, 200)}…` : member);
}

/** The limits of a layer, unless a caller sets tighter ones. */
export function moduleTreeLimits(entriesMax: number | undefined): ModuleTreeLimits {
  return {
    entriesMax: entriesMax ?? limits.layerEntriesMax,
    indexBytesMax: limits.layerIndexBytesMax,
    unpackedBytesMax: limits.layerUnpackedBytesMax,
  };
}
