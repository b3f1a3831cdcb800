import { colors } from './colors.ts';
import { safe } from './table.ts';

/** A fact of a preview: `+` comes, `-` goes, `~` changes, `!` is dropped, `>` is shadowed, `^` is carved out. */
export type Row = [sign: string, what: string, whose: string];

const paints: Record<string, (text: string) => string> = {
  '+': colors.green,
  '-': colors.red,
  '~': colors.yellow,
  '!': colors.magenta,
};

/** Rows with their signs, the second column aligned; a long path does not push the others away. */
export function signed(rows: Row[]): string[] {
  const width = Math.min(56, Math.max(0, ...rows.map(([, what]) => what.length)));
  return rows.map(([sign, what, whose]) =>
    painted(sign, `  ${sign} ${safe(what).padEnd(width)}  ${safe(whose)}`.trimEnd()),
  );
}

/** A line in the colour of its sign. */
export function painted(sign: string, line: string): string {
  return (paints[sign] ?? colors.dim)(line);
}

type Metadata = Record<string, string | number | boolean>;

/** The keys of metadata that come, go or change; `whose` metadata it is. */
export function metadataRows(
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
