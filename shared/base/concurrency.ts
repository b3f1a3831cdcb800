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

/**
 * `Promise.all(parts)` that waits for every part, although one fails: what one part cannot do stops
 * none of the others.
 * @throws AggregateError with the error of each part that failed
 */
export async function settleAll<Results extends readonly unknown[]>(
  parts: readonly [...{ [Index in keyof Results]: Promise<Results[Index]> }],
): Promise<Results> {
  const settled = await Promise.allSettled(parts);
  const faults = settled.flatMap((part) => (part.status === 'rejected' ? [part.reason] : []));
  if (faults.length === 0) return Promise.all(parts) as Promise<unknown> as Promise<Results>;

  // Logs show the message and the cause of an AggregateError, not its list.
  const said = faults.map((fault) => (fault instanceof Error ? fault.message : String(fault)));
  throw new AggregateError(
    faults,
    `${faults.length} of ${parts.length} parts failed: ${said.join(', ')}`,
    {
      cause: faults[0],
    },
  );
}
