import { isGantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { CompositionLayer } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { commonPath, compileGlob, type ExamplePath, type Glob } from '../files/index.ts';
import { layerName } from './priority.ts';

interface Pattern {
  layer: CompositionLayer;
  glob: Glob;
  /** The prefix of every path that the pattern matches. */
  start: string;
  /** The position of its layer among the layers. */
  place: number;
}

/**
 * Warns about each pair of patterns in the `protected_spec` of different layers that one path could
 * match. Nothing is wrong yet, but the two layers conflict as soon as both ship such a path.
 * Returns one sentence per pair, at most `limits.conflictsShownMax`, found within
 * `limits.overlapWorkMax`. A last sentence says if there are more. Config modules that carve
 * something out of their parent get no warning about it.
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
    // Skipping pairs of one module takes time too: a module may have tens of thousands of patterns.
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
 * Pairs patterns and skips those with different prefixes, which are nearly all. In sorted order,
 * the patterns that start like another one directly follow it.
 */
function* pairByPrefix(patterns: readonly Pattern[]): Generator<[Pattern, Pattern]> {
  const sorted = patterns.toSorted((a, b) => compareBytes(a.start, b.start));
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
 * Returns a path that both globs match. Globs that are too complex to compare are no reason to
 * refuse a composition or to warn, so they have no example.
 */
function findExample(a: Glob, b: Glob): ExamplePath | null {
  try {
    return commonPath(a, b);
  } catch (error) {
    if (isGantryError(error, 'glob_too_complex')) return null;
    throw error;
  }
}
