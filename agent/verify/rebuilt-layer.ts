import { closeSync, openSync, readSync } from 'node:fs';
import { type FileIndex, type FileSink, rebuildLayer } from '../../shared/artifact/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import { makeBreather } from './content-check.ts';
import type { LayerPlan, Way } from './plan-layer.ts';
import type { Store } from './store.ts';

type Chunks = AsyncIterable<Uint8Array>;

/** The tar of a layer, and where the content of each of its files goes. */
export interface LayerSource {
  tar: Chunks;
  sinkOf: (file: { path: string; offset: number }) => FileSink | undefined;
}

/** The bytes of one read of a file: large enough for speed, small enough for small machines. */
const chunkBytes = 128 * 1024;

/**
 * The tar of a layer, rebuilt in order from its file index, the store and ranges of the layer. Each
 * content is compared with the digest in its entry as soon as it is whole, so wrong bytes cost no
 * more than one file.
 *
 * @param fetched The ranges of the plan, one after the other.
 */
export function rebuiltLayer(
  index: FileIndex,
  { ways, ranges }: Extract<LayerPlan, { kind: 'rebuild' }>,
  { store, fetched }: { store: Store; fetched: Chunks },
): LayerSource {
  const reader = new RangeReader(ranges, fetched);
  const entries = new Map(index.entries.map((entry) => [entry.offset, entry]));

  const buffer = Buffer.allocUnsafe(chunkBytes);
  const openers: Record<Way, (entry: TreeEntry) => Chunks> = {
    store: (entry) => readObject(store.objectPath(entry.verity as string), buffer),
    range: (entry) => reader.take(entry),
  };
  const sinks: Record<Way, () => FileSink | undefined> = {
    store: () => undefined,
    range: () => store.openSink(),
  };

  const breathe = makeBreather();
  const wayOf = (offset = 0) => ways.get(offset) ?? 'range';

  return {
    tar: rebuildLayer(index, async function* (entry) {
      await breathe();
      yield* openers[wayOf(entry.offset)](entry);
    }),
    sinkOf: ({ offset }) => comparing(entries.get(offset), sinks[wayOf(offset)]()),
  };
}

/** Compares a content with the entry that it should be of, before it gets its name. */
function comparing(entry: TreeEntry | undefined, sink: FileSink | undefined): FileSink {
  return {
    write: (chunk) => sink?.write(chunk),
    end: (verity) => {
      if (verity === entry?.verity) return sink?.end(verity);

      throw new GantryError(
        'layer_mismatch',
        `expected ${entry?.path} with the fs-verity digest ${entry?.verity}, found ${verity}`,
        { expected: entry?.verity, found: verity },
      );
    },
  };
}

/** Reads an object. All chunks are in the same buffer: who reads a tar copies what it keeps. */
async function* readObject(path: string, buffer: Buffer): AsyncGenerator<Uint8Array> {
  const file = openSync(path, 'r');
  try {
    for (;;) {
      const read = readSync(file, buffer, 0, buffer.length, null);
      if (read === 0) return;
      yield buffer.subarray(0, read);
    }
  } finally {
    closeSync(file);
  }
}

/** Gives the contents that ranges bring, and drops what joined ranges have between them. */
class RangeReader {
  readonly #ranges: Iterator<{ start: number; end: number }>;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array();
  /** Where the held bytes start in the layer, and where their range ends. */
  #at = 0;
  #end = 0;

  constructor(ranges: readonly { start: number; end: number }[], chunks: Chunks) {
    this.#ranges = ranges.values();
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async *take({ offset = 0, size }: TreeEntry): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < offset + size; ) {
      if (!(await this.#fill())) return;

      this.#skip(at - this.#at);
      const part = this.#held.subarray(0, offset + size - at);
      this.#skip(part.length);
      at += part.length;
      if (part.length > 0) yield part;
    }
  }

  /** Drops held bytes. A content before them overlaps another one, which rebuilding refuses. */
  #skip(bytes: number): void {
    const skipped = Math.min(Math.max(bytes, 0), this.#held.length);
    this.#held = this.#held.subarray(skipped);
    this.#at += skipped;
  }

  /** Makes sure that bytes are held; false at the end of the last range. */
  async #fill(): Promise<boolean> {
    if (this.#held.length > 0) return true;

    if (this.#at === this.#end) {
      const range = this.#ranges.next().value;
      if (range === undefined) return false;
      this.#at = range.start;
      this.#end = range.end;
    }

    const { value, done } = await this.#chunks.next();
    if (done === true) return false;
    this.#held = value;
    return true;
  }
}
