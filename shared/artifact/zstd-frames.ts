/** The next bytes of a zstd stream: a field to look at, or content that is passed on or dropped. */
interface Run {
  bytes: number;
  /** Whether the bytes are collected and handed to the layout. */
  read: boolean;
  /** Skippable frames hold metadata; a decoder ignores them. */
  dropped: boolean;
  /** Whether a frame ends before these bytes. */
  starts: boolean;
}

const field = (bytes: number, set: Partial<Run> = {}): Run => ({
  bytes,
  read: true,
  dropped: false,
  starts: false,
  ...set,
});
const content = (bytes: number, dropped = false): Run => ({
  ...field(bytes),
  read: false,
  dropped,
});

const frameMagic = 0xfd2fb528;
/** The sixteen magic numbers of skippable frames, 0x184D2A50 to 0x184D2A5F. */
const skippableMagic = 0x184d2a5;
const blockTypes = { raw: 0, repeated: 1, compressed: 2 } as const;

/**
 * Cuts a zstd stream so that no chunk reaches into a second frame, and leaves out skippable frames
 * (RFC 8878, section 3). Node's decoder drops what follows the first frame of a chunk
 * (nodejs/node#64741). `zstd:chunked` layers have a frame for each file.
 *
 * Bytes that start no frame are passed on, so that the decoder reports them.
 */
export async function* zstdFrames(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const splitter = new FrameSplitter();
  for await (const chunk of source) yield* splitter.push(chunk);
  yield* splitter.end();
}

class FrameSplitter {
  readonly #layout = layoutOfFrames();
  #run = this.#layout.next().value;
  #left = this.#run.bytes;
  #field: Uint8Array[] = [];
  /** Bytes of the current frame that were not passed on yet. */
  #held: Uint8Array[] = [];

  *push(chunk: Uint8Array): Generator<Uint8Array, void, void> {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + this.#left);
      at += part.length;
      this.#left -= part.length;
      if (this.#run.read) this.#field.push(part);
      else if (!this.#run.dropped) this.#held.push(part);

      while (this.#left === 0) yield* this.#nextRun();
    }

    yield* this.#flush();
  }

  /** Passes on what was read of a field, so that the decoder sees that the stream is cut. */
  *end(): Generator<Uint8Array, void, void> {
    this.#held.push(...this.#field);
    yield* this.#flush();
  }

  *#nextRun(): Generator<Uint8Array, void, void> {
    const bytes = Buffer.concat(this.#field);
    this.#field = [];

    const was = this.#run;
    this.#run = this.#layout.next(bytes).value;
    this.#left = this.#run.bytes;
    if (was.read && !this.#run.dropped) this.#held.push(bytes);
    if (this.#run.starts) yield* this.#flush();
  }

  *#flush(): Generator<Uint8Array, void, void> {
    if (this.#held.length > 0) yield Buffer.concat(this.#held);
    this.#held = [];
  }
}

/** Yields the runs of a stream of frames, and receives the bytes of each field. */
function* layoutOfFrames(): Generator<Run, never, Buffer> {
  for (;;) {
    const magic = (yield field(4, { starts: true })).readUInt32LE();
    if (magic >>> 4 === skippableMagic) {
      const size = (yield field(4, { dropped: true })).readUInt32LE();
      yield content(size, true);
    } else if (magic === frameMagic) {
      yield* layoutOfFrame();
    } else {
      yield content(Number.POSITIVE_INFINITY);
    }
  }
}

function* layoutOfFrame(): Generator<Run, void, Buffer> {
  const descriptor = (yield field(1)).readUInt8();
  yield content(headerBytes(descriptor));

  for (let last = false; !last; ) {
    const block = (yield field(3)).readUIntLE(0, 3);
    last = (block & 1) === 1;
    const type = (block >>> 1) & 3;
    yield content(type === blockTypes.repeated ? 1 : block >>> 3);
  }

  const hasChecksum = (descriptor & 4) !== 0;
  yield content(hasChecksum ? 4 : 0);
}

/** Bytes of a frame's header after its descriptor (RFC 8878, section 3.1.1.1). */
function headerBytes(descriptor: number): number {
  const singleSegment = (descriptor & 32) !== 0;
  const window = singleSegment ? 0 : 1;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
  return window + dictionary + contentSize;
}
