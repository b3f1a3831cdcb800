/**
 * `Promise.all(items.map(each))` with at most `max` calls running concurrently. The results have
 * the order of the items.
 */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  max: number,
  each: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  // All workers share one iterator, so each takes the next free item.
  const left = items.entries();
  const worker = async () => {
    for (const [index, item] of left) results[index] = await each(item);
  };

  await Promise.all(Array.from({ length: Math.min(max, items.length) }, worker));
  return results;
}
