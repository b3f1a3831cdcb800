import { once } from 'node:events';
import { createZstdCompress } from 'node:zlib';
import { limits } from '../base/limits/index.ts';
import type { TreeEntry } from '../domain/files/index.ts';
import type { ModuleTar } from './module-tar.ts';
import { type ReadModuleTarOptions, readModuleTar } from './read.ts';

/** The files that a tar has the content of, once each, in the order of the tar. */
export function contentsInOrder(entries: readonly TreeEntry[]): TreeEntry[] {
  const byOffset = new Map<number, TreeEntry>();
  for (const entry of entries) {
    if (entry.offset !== undefined && !byOffset.has(entry.offset))
      byOffset.set(entry.offset, entry);
  }

  return [...byOffset].sort(([a], [b]) => a - b).map(([, entry]) => entry);
}

/**
 * Collects what a tar has outside the contents of its files: headers, padding, files beside the
 * tree, the end. Together with the files this is the whole tar (see `rebuildLayer`). Real archives
 * need 20 to 60 bytes for each entry.
 *
 * Invariant: contents are skipped in their order, each before `through` is asked for the chunk
 * after the one where it starts.
 */
export class OutsideBytes {
  readonly #zstd = createZstdCompress();
  readonly #bytesMax: number;
  /** Where the contents that were not passed yet start and end. */
  readonly #skipped: { start: number; end: number }[] = [];
  #next = 0;
  #at = 0;
  #packed: Buffer[] | undefined = [];
  #packedBytes = 0;

  /**
   * @param known the contents, where they are known before the tar is read
   * @param bytesMax defaults to `limits.layerOutsideBytesMax`
   */
  constructor(known: readonly TreeEntry[] = [], bytesMax: number = limits.layerOutsideBytesMax) {
    this.#bytesMax = bytesMax;
    for (const { offset = 0, size } of known) this.skip({ offset, size });
    this.#zstd.on('data', (piece: Buffer) => this.#keep(piece));
  }

  /** Leaves out the content at this place of the tar. */
  skip({ offset, size }: { offset: number; size: number }): void {
    this.#skipped.push({ start: offset, end: offset + size });
  }

  /** Passes the tar on, and keeps its outside bytes of each chunk when the next one is wanted. */
  async *through(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    for await (const chunk of tar) {
      yield chunk;
      await this.#push(chunk);
    }
  }

  /** Returns the bytes as one zstd frame; undefined for more than `bytesMax`. */
  async finish(): Promise<Uint8Array | undefined> {
    const ended = once(this.#zstd, 'end');
    this.#zstd.end();
    await ended;
    return this.#packed && Buffer.concat(this.#packed);
  }

  async #push(chunk: Uint8Array): Promise<void> {
    const outside = Buffer.concat(this.#partsOf(chunk));
    this.#at += chunk.length;
    if (outside.length === 0 || this.#packed === undefined) return;
    if (!this.#zstd.write(outside)) await once(this.#zstd, 'drain');
  }

  #partsOf(chunk: Uint8Array): Uint8Array[] {
    const parts: Uint8Array[] = [];
    const end = this.#at + chunk.length;
    let from = this.#at;

    for (
      let content = this.#skipped[this.#next];
      content !== undefined && content.start < end;
      content = this.#skipped[this.#next]
    ) {
      parts.push(chunk.subarray(from - this.#at, Math.max(content.start, from) - this.#at));
      from = Math.min(content.end, end);
      if (content.end > end) return parts;
      this.#next++;
    }

    parts.push(chunk.subarray(from - this.#at));
    return parts;
  }

  #keep(piece: Buffer): void {
    this.#packedBytes += piece.length;
    if (this.#packedBytes > this.#bytesMax) this.#packed = undefined;
    this.#packed?.push(piece);
  }
}

/**
 * Reads a module tar with its outside bytes, in one pass, for its file index.
 *
 * @throws GantryError as `readModuleTar` does
 */
export async function readWithOutside(
  source: AsyncIterable<Uint8Array>,
  options: Pick<ReadModuleTarOptions, 'allowDevices'>,
): Promise<{ tar: ModuleTar; outside: Uint8Array | undefined }> {
  const outside = new OutsideBytes();
  const onFile = (file: { offset: number; size: number }) => {
    outside.skip(file);
    return undefined;
  };

  const tar = await readModuleTar(outside.through(source), { ...options, onFile });
  return { tar, outside: await outside.finish() };
}
