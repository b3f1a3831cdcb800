import { stripVTControlCharacters } from 'node:util';
import { colors } from './colors.ts';

/** Columns side by side under their headings, two spaces apart; a list without rows says so in one sentence. */
export function table(
  headings: string[],
  rows: (string | number | null)[][],
  none: string,
): string {
  if (rows.length === 0) return none;
  const cells = rows.map((row) => row.map((cell) => safe(cell === null ? '-' : String(cell))));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => visible(row[column] ?? ''))),
  );
  const line = (row: string[]) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [colors.bold(line(headings)), ...cells.map(line)].join('\n');
}

/** `name  value` lines, names aligned. */
export function facts(rows: [string, string | number | boolean | null][]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(
      ([name, value]) =>
        `${colors.dim(pad(name, width))}  ${value === null ? '-' : safe(String(value))}`,
    )
    .join('\n');
}

/** A state in the colour of what it means. */
export function state(name: string): string {
  if (['succeeded', 'approved', 'live', 'enrolled', 'none', 'verified'].includes(name))
    return colors.green(name);
  if (['refused', 'failed', 'rejected', 'expired', 'retired', 'quarantined'].includes(name))
    return colors.red(name);
  if (['awaiting_approval', 'awaiting_signature', 'pending', 'staging'].includes(name))
    return colors.yellow(name);
  return name;
}

/** `sha256:0123456789ab…`: enough to recognise a digest by. */
export function shortDigest(digest: string | null): string {
  return digest === null ? '-' : digest.slice(0, 19);
}

const visible = (text: string) => stripVTControlCharacters(text).length;
const pad = (text: string, width: number) => text + ' '.repeat(Math.max(0, width - visible(text)));

/** A cell that is wholly in one colour of ours; names that look like one can do no harm either. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const coloured = /^(\u001b\[3[1-3]m)([^\u001b]*)(\u001b\[39m)$/;

/**
 * Names, paths and messages may come from registries and modules: nothing in them steers the terminal, hides what follows,
 * breaks the line or turns its direction. Tabs stay.
 */
export function safe(text: string): string {
  const [, start = '', inner = text, end = ''] = coloured.exec(text) ?? [];
  return `${start}${inner.replace(/(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')}${end}`;
}
