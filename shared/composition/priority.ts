import { GantryError } from '../base/error.ts';
import type { CompositionLayer, LayerName } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { type Variety, varietyOffset } from '../domain/modules/index.ts';

/** The facts that decide the rank of a layer (product.md, section 7). */
export interface RankOf {
  /** `position` of the module's category. */
  categoryPosition: number;
  variety: Variety;
  /**
   * The parent's layer priority as this function returned it, or null without a parent. Only
   * `config` layers use it.
   */
  parentPriority: number | null;
  /** The priority that the assignment states, which replaces everything else; null for none. */
  effectivePriority: number | null;
}

/**
 * Returns the priority of a layer: category position + variety offset. A `config` layer starts from
 * its own category's position or its parent's priority, whichever is higher. So it is always above
 * the module that it configures.
 */
export function layerPriority(rank: RankOf): number {
  if (rank.effectivePriority !== null) return rank.effectivePriority;
  const base =
    rank.variety === 'config' && rank.parentPriority !== null
      ? Math.max(rank.categoryPosition, rank.parentPriority)
      : rank.categoryPosition;

  return base + varietyOffset[rank.variety];
}

/** Returns `<account>/<name>`, which identifies a layer. */
export function layerName(layer: Pick<CompositionLayer, 'account' | 'module'>): LayerName {
  return `${layer.account}/${layer.module}`;
}

/**
 * Sorts layers in the order in which they are merged: by priority, ties by byte order of the names.
 * The last layer wins.
 */
export function orderLayers(layers: Iterable<CompositionLayer>): CompositionLayer[] {
  const ordered = [...layers].sort(
    (a, b) => a.priority - b.priority || compareBytes(layerName(a), layerName(b)),
  );
  const seen = new Map<LayerName, CompositionLayer>();

  for (const layer of ordered) {
    const name = layerName(layer);
    const twin = seen.get(name);

    if (twin !== undefined) {
      throw new GantryError(
        'conflict',
        `expected each module once in a composition, found ${name} as ${twin.version} and as ${layer.version}`,
        { found: name },
      );
    }

    seen.set(name, layer);
  }

  return ordered;
}
