import { GantryError } from '../base/error.ts';
import type { LayerName } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { withoutMiddle } from './resolve-explain.ts';

/**
 * Returns whether modules require each other in a cycle. `requiredBy` gives the modules that
 * require each module.
 */
export function hasCycle(requiredBy: ReadonlyMap<LayerName, readonly LayerName[]>): boolean {
  // Repeatedly remove modules that no module requires. The rest requires itself (Kahn 1962).
  const requirers = new Map([...requiredBy].map(([module, by]) => [module, new Set(by).size]));
  const requires = new Map<LayerName, Set<LayerName>>();

  for (const [module, by] of requiredBy) {
    for (const one of by) requires.set(one, (requires.get(one) ?? new Set()).add(module));
  }

  const free = [...requirers].flatMap(([module, count]) => (count === 0 ? [module] : []));
  for (const module of free) {
    for (const required of requires.get(module) ?? []) {
      const left = (requirers.get(required) ?? 0) - 1;
      requirers.set(required, left);
      if (left === 0) free.push(required);
    }
  }

  return free.length < requiredBy.size;
}

/**
 * The error for a cycle: none of its modules could be built first. Each of `cycle` requires the
 * next, and the last one requires the first.
 */
export function cycleError(cycle: readonly LayerName[]): GantryError {
  const first = cycle.indexOf([...cycle].sort(compareBytes)[0] as LayerName);
  const round = withoutMiddle([...cycle.slice(first), ...cycle.slice(0, first + 1)]);

  return new GantryError(
    'composition_cycle',
    `expected modules not to require each other, found the cycle ${round.join(' → ')}`,
    { found: round[0], details: round },
  );
}
