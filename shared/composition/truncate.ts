import type { CompositionReport } from '../domain/compose/index.ts';

/** How far a list of an answer goes: rows, and bytes of them as JSON; without bounds to its end. */
export interface ListBounds {
  listMax?: number;
  listBytesMax?: number;
}

/** As many rows of a list, from its beginning, as keep within both bounds. */
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

/** A composition's report as an answer has it: its lists are cut, `counts` tells the whole. */
export interface TruncatedReport extends CompositionReport {
  counts: Record<'dropped' | 'shadowed' | 'carved_out' | 'warnings', number>;
}

/** Cuts the lists of a report. What a layer loses is cut to what is still told as dropped. */
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
