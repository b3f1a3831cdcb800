import { limits } from '../../shared/base/limits/index.ts';
import type { ByteRange } from './byte-range.ts';

type Chunks = AsyncIterable<Uint8Array>;

/**
 * Streams ranges one after the other, and fetches the next few meanwhile: each request of a slow
 * line costs a round trip. Only short ranges are held in memory, so long ones wait for their turn.
 *
 * @param open It is called with a signal that aborts when the rest is not needed.
 */
export async function* readAhead(
  ranges: readonly ByteRange[],
  open: (range: ByteRange, signal: AbortSignal) => Chunks,
): AsyncGenerator<Uint8Array> {
  const end = new AbortController();
  const held = new Map<ByteRange, Promise<Uint8Array[]>>();
  const hold = (range: ByteRange) => {
    if (held.has(range) || range.end - range.start > limits.agentRangeAheadBytesMax) return;
    const chunks = Array.fromAsync(open(range, end.signal));
    // A failure counts when it is the turn of its range.
    chunks.catch(() => undefined);
    held.set(range, chunks);
  };

  try {
    for (const [index, range] of ranges.entries()) {
      ranges.slice(index, index + limits.agentRangesAtATime).forEach(hold);
      yield* (await held.get(range)) ?? open(range, end.signal);
      held.delete(range);
    }
  } finally {
    end.abort();
  }
}
