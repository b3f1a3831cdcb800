import type { LayerName } from '../domain/composition.ts';
import { compareBytes } from '../domain/tree.ts';
import { GantryError } from '../error.ts';

/**
 * Refuses modules that require each other: neither could be built on the other's files first.
 * `requiredBy` gives for each module those that require it. Throws `composition_cycle`, naming the modules of one cycle.
 */
export function refuseCycles(requiredBy: ReadonlyMap<LayerName, readonly LayerName[]>): void {
  const done = new Set<LayerName>();
  for (const start of requiredBy.keys()) {
    const path: LayerName[] = [];
    const onPath = new Set<LayerName>();
    const stack: { module: LayerName; next: number }[] = [{ module: start, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.next === 0 && !done.has(top.module)) {
        path.push(top.module);
        onPath.add(top.module);
      }
      const by = done.has(top.module) ? undefined : requiredBy.get(top.module)?.[top.next++];
      if (by === undefined) {
        if (onPath.delete(top.module)) path.pop();
        done.add(top.module);
        stack.pop();
      } else if (onPath.has(by)) {
        throw cycleError(path.slice(path.indexOf(by)));
      } else {
        stack.push({ module: by, next: 0 });
      }
    }
  }
}

/** `back` follows "is required by"; people read "requires". The cycle is told from its byte-wise first module. */
function cycleError(back: LayerName[]): GantryError {
  const forward = back.toReversed();
  const first = forward.indexOf([...forward].sort(compareBytes)[0] as LayerName);
  const cycle = [...forward.slice(first), ...forward.slice(0, first + 1)];
  return new GantryError(
    'composition_cycle',
    `expected modules not to require each other, found the cycle ${cycle.join(' → ')}`,
    { found: cycle[0], details: cycle },
  );
}
