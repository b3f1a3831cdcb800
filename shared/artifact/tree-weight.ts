import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { TreeEntry } from '../domain/files/index.ts';
import { tarMalformed } from './tar-header.ts';
import { shownMember } from './tar-path.ts';

/**
 * The times that ext4 can store: December 1901 to May 2446. A machine's disk returns another time
 * for anything outside.
 */
const mtimeMin = -(2 ** 31);
const mtimeMax = 2 ** 34 - 2 ** 31 - 1;

/** Checks the size of a layer's entries, in memory and on disk, against the limits of a layer. */
export class TreeWeight {
  readonly #entriesMax: number;
  #entries = 0;
  #indexBytes = 0;
  #unpackedBytes = 0;

  constructor(entriesMax: number = limits.layerEntriesMax) {
    this.#entriesMax = entriesMax;
  }

  /**
   * Counts a path that is kept without an entry, such as a whiteout.
   * @throws GantryError `layer_entries_too_many`, `layer_too_large`
   */
  addPath(path: string): void {
    this.#count(Buffer.byteLength(path));
  }

  /**
   * Counts an entry.
   * @throws GantryError `layer_entries_too_many`, `layer_too_large`, `tar_malformed` (a time that
   * no disk stores)
   */
  add(entry: TreeEntry): void {
    this.#count(indexBytes(entry));

    if (entry.type === 'file') this.#unpackedBytes += entry.size;
    if (this.#unpackedBytes > limits.layerUnpackedBytesMax) {
      const message = `the files of the layer, hard links each, pass ${limits.layerUnpackedBytesMax} bytes at ${shownMember(entry.path)}`;
      throw new GantryError('layer_too_large', message, { expected: limits.layerUnpackedBytesMax });
    }

    if (entry.mtime < mtimeMin || entry.mtime > mtimeMax) {
      const message = `${shownMember(entry.path)} has the time ${entry.mtime}, expected ${mtimeMin} to ${mtimeMax} s since 1970`;
      throw tarMalformed(message, { found: entry.mtime });
    }
  }

  #count(bytes: number): void {
    this.#entries++;
    if (this.#entries > this.#entriesMax) {
      const message = `the layer has more than ${this.#entriesMax} entries`;
      throw new GantryError('layer_entries_too_many', message, { expected: this.#entriesMax });
    }

    this.#indexBytes += bytes;
    if (this.#indexBytes > limits.layerIndexBytesMax) {
      const message = `paths, link targets and attributes of the layer pass ${limits.layerIndexBytesMax} bytes`;
      throw new GantryError('layer_too_large', message, { expected: limits.layerIndexBytesMax });
    }
  }
}

function indexBytes(entry: TreeEntry): number {
  let bytes = Buffer.byteLength(entry.path) + Buffer.byteLength(entry.target ?? '');
  for (const name in entry.xattrs) bytes += name.length + (entry.xattrs[name]?.length ?? 0);
  return bytes;
}
