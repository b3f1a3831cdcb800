import { Readable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import { GantryError } from '../base/error.ts';
import type { TreeEntry } from '../domain/files/index.ts';
import type { FileIndex } from './file-index.ts';
import { contentsInOrder } from './outside-bytes.ts';
import { zstdFrames } from './zstd-frames.ts';

type Chunks = AsyncIterable<Uint8Array>;

/**
 * Rebuilds the tar of a layer from its file index and its files, as a stream. Nothing is verified
 * but sizes: the caller compares the SHA-256 of the stream with the digest of the layer.
 *
 * @param open returns the content of a file. It is called once for each content, in the order of
 * the tar, and not for contents that the index holds (up to 64 bytes)
 * @throws GantryError `io_error`: the index has no outside bytes, or too few, or a content has
 * another size than its entry; errors of `open` pass through
 */
export async function* rebuildLayer(
  { entries, outside }: FileIndex,
  open: (entry: TreeEntry) => Chunks | Uint8Array,
): AsyncGenerator<Uint8Array, void, void> {
  if (outside === undefined)
    throw invalidError('expected a file index with the outside bytes of its layer, found none');

  const between = new OutsideReader(outside);
  let at = 0;
  for (const entry of contentsInOrder(entries)) {
    const { offset = 0, size, content } = entry;
    yield* between.take(offset - at);
    yield* exactly(entry, content === undefined ? open(entry) : Buffer.from(content, 'base64'));
    at = offset + size;
  }

  yield* between.rest();
}

/** Reads the outside bytes of an index piece by piece, as they unpack. */
class OutsideReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array();

  constructor(packed: Uint8Array) {
    const unpacked: Chunks = Readable.from(zstdFrames(Readable.from([packed]))).compose(
      createZstdDecompress(),
    );
    this.#chunks = unpacked[Symbol.asyncIterator]();
  }

  async *take(bytes: number): AsyncGenerator<Uint8Array, void, void> {
    if (bytes < 0) throw invalidError('expected contents one after the other, found an overlap');

    for (let left = bytes; left > 0; ) {
      if (this.#held.length === 0 && !(await this.#next()))
        throw invalidError(`expected ${left} more outside bytes, found the end`);

      const part = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async *rest(): AsyncGenerator<Uint8Array, void, void> {
    do {
      if (this.#held.length > 0) yield this.#held;
    } while (await this.#next());
  }

  async #next(): Promise<boolean> {
    const { value, done } = await this.#read();
    this.#held = done === true ? new Uint8Array() : value;
    return done !== true;
  }

  async #read(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#chunks.next();
    } catch (cause) {
      throw new GantryError('io_error', 'expected outside bytes packed by zstd, found others', {
        cause,
      });
    }
  }
}

async function* exactly(
  { path, size }: TreeEntry,
  content: Chunks | Uint8Array,
): AsyncGenerator<Uint8Array, void, void> {
  let found = 0;
  for await (const chunk of content instanceof Uint8Array ? [content] : content) {
    found += chunk.length;
    if (found > size) break;
    yield chunk;
  }

  if (found === size) return;
  const message = `expected ${size} bytes of ${JSON.stringify(path)}, found ${found > size ? 'more' : found}`;
  throw new GantryError('io_error', message, { expected: size, found });
}

function invalidError(message: string): GantryError {
  return new GantryError('io_error', message);
}
