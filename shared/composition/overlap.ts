import type { CompositionLayer } from '../domain/composition.ts';
import { isGantryError } from '../error.ts';
import { commonPath, compileGlob, type ExamplePath, type Glob } from '../files/index.ts';
import { limits } from '../limits.ts';
import { layerName } from './priority.ts';

interface Pattern {
  layer: CompositionLayer;
  glob: Glob;
}

/**
 * One sentence for each two patterns of different layers' `protected_spec` that one path could match: nothing is wrong
 * yet, but the day both ship such a path they conflict. At most `limits.conflictsShownMax` sentences. Config modules that
 * carve something out of their parent are not told about it.
 */
export function overlapWarnings(layers: readonly CompositionLayer[]): string[] {
  const patterns = layers.flatMap((layer) =>
    [...new Set(layer.protected_spec)].map((source): Pattern => ({ layer, glob: compileGlob(source) })),
  );
  const warnings: string[] = [];
  for (const [i, a] of patterns.entries()) {
    for (const b of patterns.slice(i + 1)) {
      if (a.layer === b.layer || carvesOut(a.layer, b.layer) || carvesOut(b.layer, a.layer)) continue;
      const example = exampleOf(a.glob, b.glob);
      if (example === null) continue;
      if (warnings.length === limits.conflictsShownMax) return [...warnings, 'there are more patterns that overlap'];
      warnings.push(
        `protected_spec ${JSON.stringify(a.glob.source)} of ${layerName(a.layer)} and ${JSON.stringify(b.glob.source)} ` +
          `of ${layerName(b.layer)} overlap: shipped by both, a path such as ${JSON.stringify(example.path)} is a conflict`,
      );
    }
  }
  return warnings;
}

function carvesOut(child: CompositionLayer, parent: CompositionLayer): boolean {
  if (child.variety !== 'config' || child.parent_module !== layerName(parent)) return false;
  return child.file_spec.some((entry) => child.mask.includes(entry));
}

/** Two globs that are too complex to compare are no reason to refuse a composition, nor to warn of anything. */
function exampleOf(a: Glob, b: Glob): ExamplePath | null {
  try {
    return commonPath(a, b);
  } catch (error) {
    if (isGantryError(error, 'glob_too_complex')) return null;
    throw error;
  }
}
