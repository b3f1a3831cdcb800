import type { CompositionReport } from '../domain/compose/index.ts';

/**
 * The length of a list in a response: rows, and bytes of the rows as JSON. Without bounds it is
 * complete.
 */
export interface ListBounds {
  listMax?: number;
  listBytesMax?: number;
}

/** Returns the longest prefix of a list that stays within both bounds. */
export function truncateList<T>(
  list: T[],
  { listMax = list.length, listBytesMax }: ListBounds,
): T[] {
  const rows = list.slice(0, listMax);
  if (listBytesMax === undefined) return rows;

  let bytes = 0;
  const end = rows.findIndex((row) => {
    bytes += Buffer.byteLength(JSON.stringify(row));
    return bytes > listBytesMax;
  });

  return end === -1 ? rows : rows.slice(0, end);
}

/**
 * Returns a composition's report for a response: its lists are truncated, `counts` covers
 * everything.
 */
export interface TruncatedReport extends CompositionReport {
  counts: Record<'dropped' | 'shadowed' | 'carved_out' | 'warnings', number>;
}

/**
 * Truncates the lists of a report. The effective masks keep only files that the truncated list
 * still reports as dropped.
 */
export function truncateReport(report: CompositionReport, bounds: ListBounds): TruncatedReport {
  const { dropped, shadowed, carved_out, warnings, layers } = report;
  const reported = truncateList(dropped, bounds);
  const masks = new Map(layers.map(({ name }) => [name, [] as string[]]));
  for (const { path, from } of reported) masks.get(from)?.push(path);

  return {
    layers: layers.map((layer) => ({ ...layer, effective_mask: masks.get(layer.name) ?? [] })),
    dropped: reported,
    shadowed: truncateList(shadowed, bounds),
    carved_out: truncateList(carved_out, bounds),
    warnings: truncateList(warnings, bounds),
    counts: {
      dropped: dropped.length,
      shadowed: shadowed.length,
      carved_out: carved_out.length,
      warnings: warnings.length,
    },
  };
}
