import { contentsInOrder } from '../../shared/artifact/index.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import type { ByteRange } from '../fetch/byte-range.ts';
import { isStored } from './store.ts';

/**
 * How the content of a file gets into the tar that is verified. A further way, such as an object of
 * its own, is another member with a cost, and an opener in rebuilt-layer.ts.
 */
export type Way = 'store' | 'range';

/** How the bytes of a layer get to the machine. */
export type LayerPlan =
  /** Fetch the whole layer. */
  | { kind: 'whole' }
  /** Rebuild the layer from its file index. */
  | {
      kind: 'rebuild';
      /** The way of each content, by its offset. Contents in the index itself have none. */
      ways: ReadonlyMap<number, Way>;
      /** The ranges of the layer that bring the missing contents, in order. */
      ranges: ByteRange[];
    };

export interface PlanInput {
  entries: readonly TreeEntry[];
  /** Bytes of the layer. */
  size: number;
  /** Whether the store has the content of an entry. */
  has: (entry: TreeEntry) => boolean;
}

/**
 * Chooses the cheapest way to get each file of a layer: from the store, by a range, or with the
 * whole layer. A request costs as much as `limits.agentRequestBytes`, so ranges are joined where
 * the gap between them costs less. Such ranges never cost more than the whole layer, which is for
 * an index that does not fit it.
 */
export function planLayer({ entries, size, has }: PlanInput): LayerPlan {
  const ways = new Map<number, Way>();
  const ranges: ByteRange[] = [];

  for (const entry of contentsInOrder(entries).filter(isStored)) {
    const { offset: start = 0, size: bytes } = entry;
    const end = start + bytes;
    if (end > size) return { kind: 'whole' };

    const way = has(entry) ? 'store' : 'range';
    ways.set(start, way);
    if (way === 'store') continue;

    const last = ranges.at(-1);
    // Contents that overlap are of no real layer. Each gets its range, and rebuilding refuses them.
    const gap = last === undefined ? Number.POSITIVE_INFINITY : start - last.end;
    if (last !== undefined && gap >= 0 && gap <= limits.agentRequestBytes) last.end = end;
    else ranges.push({ start, end });
  }

  return { kind: 'rebuild', ways, ranges };
}
