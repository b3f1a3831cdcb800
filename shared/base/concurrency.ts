/** `Promise.all(items.map(each))` with at most `max` of them under way; answers in the order of the items. */
export async function mapAtOnce<Item, Result>(
  items: readonly Item[],
  max: number,
  each: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  // One iterator for all workers: each takes the next item that nobody has.
  const left = items.entries();
  const worker = async () => {
    for (const [index, item] of left) results[index] = await each(item);
  };
  await Promise.all(Array.from({ length: Math.min(max, items.length) }, worker));
  return results;
}
