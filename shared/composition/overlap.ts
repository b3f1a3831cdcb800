import { isGantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { CompositionLayer } from '../domain/compose/index.ts';
import { commonPath, compileGlob, type ExamplePath, type Glob } from '../files/index.ts';
import { layerName } from './priority.ts';

interface Pattern {
  layer: CompositionLayer;
  glob: Glob;
  /** What every path that it matches begins with. */
  start: string;
  /** Its layer's place among the layers. */
  place: number;
}

/**
 * One sentence for each two patterns of different layers' `protected_spec` that one path could
 * match: nothing is wrong yet, but the day both ship such a path they conflict. At most
 * `limits.conflictsShownMax` of them, found within `limits.overlapWorkMax`; a last sentence says
 * where that was not all. Config modules that carve something out of their parent are not told
 * about it.
 */
export function overlapWarnings(layers: readonly CompositionLayer[]): string[] {
  const patterns = layers.flatMap((layer, place) =>
    [...new Set(layer.protected_spec)].map(
      (source): Pattern => ({
        layer,
        glob: compileGlob(source),
        start: /^\/[^*?[\\]*/.exec(source)?.[0].replace(/\/$/, '') ?? '',
        place,
      }),
    ),
  );

  const warnings: string[] = [];
  let work = 0;

  for (const [a, b] of pairByPrefix(patterns)) {
    const settled =
      a.layer === b.layer || canCarveOut(a.layer, b.layer) || canCarveOut(b.layer, a.layer);
    // Going past pairs of one module costs, too: it may have tens of thousands of patterns.
    work += settled ? 1 : a.glob.tokens.length * b.glob.tokens.length;
    if (work > limits.overlapWorkMax)
      return [...warnings, 'there are more patterns of protected_spec than were compared'];

    const example = settled ? null : findExample(a.glob, b.glob);
    if (example === null) continue;
    if (warnings.length === limits.conflictsShownMax) {
      return [...warnings, 'there are more patterns of protected_spec that overlap'];
    }

    warnings.push(
      `protected_spec ${JSON.stringify(a.glob.source)} of ${layerName(a.layer)} and ${JSON.stringify(b.glob.source)} ` +
        `of ${layerName(b.layer)} overlap: shipped by both, a path such as ${JSON.stringify(example.path)} is a conflict`,
    );
  }

  return warnings;
}

/**
 * Pairs of patterns without those that begin differently, which are nearly all: sorted, the
 * patterns that begin as another one does stand right behind it.
 */
function* pairByPrefix(patterns: readonly Pattern[]): Generator<[Pattern, Pattern]> {
  const sorted = patterns.toSorted((a, b) =>
    a.start < b.start ? -1 : a.start > b.start ? 1 : a.place - b.place,
  );
  for (const [i, a] of sorted.entries()) {
    for (let j = i + 1; sorted[j]?.start.startsWith(a.start); j++) {
      const b = sorted[j] as Pattern;
      yield a.place < b.place ? [a, b] : [b, a];
    }
  }
}

function canCarveOut(child: CompositionLayer, parent: CompositionLayer): boolean {
  if (child.variety !== 'config' || child.parent_module !== layerName(parent)) return false;
  return child.file_spec.some((entry) => child.mask.includes(entry));
}

/**
 * Two globs that are too complex to compare are no reason to refuse a composition, nor to warn of
 * anything.
 */
function findExample(a: Glob, b: Glob): ExamplePath | null {
  try {
    return commonPath(a, b);
  } catch (error) {
    if (isGantryError(error, 'glob_too_complex')) return null;
    throw error;
  }
}
