import { colors } from './colors.ts';
import { safe } from './table.ts';

/**
 * A fact of a preview. Signs: `+` added, `-` removed, `~` changed, `!` dropped, `>` shadowed, `^`
 * carved out.
 */
export type Row = [sign: string, what: string, whose: string];

const signColors: Record<string, (text: string) => string> = {
  '+': colors.green,
  '-': colors.red,
  '~': colors.yellow,
  '!': colors.magenta,
};

/** The widest first column. What is longer has the second column on a line of its own. */
const columnMax = 56;

/** Formats rows with aligned columns. A long path does not shift the other rows. */
export function formatSignedRows(rows: Row[]): string[] {
  const fitting = rows.filter(([, what]) => what.length <= columnMax);
  const width = Math.max(0, ...fitting.map(([, what]) => what.length));

  return rows.map(([sign, what, whose]) => {
    const second = safe(whose);
    const first =
      what.length <= columnMax || second === ''
        ? safe(what).padEnd(width)
        : `${safe(what)}\n${' '.repeat(width + 4)}`;
    return colorLine(sign, `  ${sign} ${first}  ${second}`.trimEnd());
  });
}

/** Colors a line by its sign. */
export function colorLine(sign: string, line: string): string {
  return (signColors[sign] ?? colors.dim)(line);
}

type Metadata = Record<string, string | number | boolean>;

/** Returns the added, removed and changed keys of metadata. `whose` names its owner. */
export function diffMetadata(
  { before, after }: { before: Metadata | null; after: Metadata | null },
  whose: string,
): Row[] {
  const keys = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].sort();
  return keys.flatMap((key): Row[] => {
    const [was, is] = [before?.[key], after?.[key]];
    if (was === is) return [];
    if (was === undefined) return [['+', `${key}=${is}`, whose]];

    return is === undefined
      ? [['-', `${key}=${was}`, whose]]
      : [['~', `${key}=${was} → ${is}`, whose]];
  });
}
