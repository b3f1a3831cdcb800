import { randomInt } from 'node:crypto';

/**
 * Takes at most `max` of the items, each with the same chance (reservoir sampling, algorithm R).
 * @param pick returns a whole number from 0 up to, but not with, its argument
 */
export async function sample<T>(
  items: AsyncIterable<T>,
  max: number,
  pick: (below: number) => number = (below) => randomInt(below),
): Promise<T[]> {
  const taken: T[] = [];
  let met = 0;

  for await (const item of items) {
    met += 1;
    if (taken.length < max) {
      taken.push(item);
      continue;
    }

    const at = pick(met);
    if (at < max) taken[at] = item;
  }

  return taken;
}
