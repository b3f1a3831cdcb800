import { stripVTControlCharacters } from 'node:util';
import { formatTime } from './age.ts';
import { colors } from './colors.ts';

/** Formats rows as a table with headings. Returns the sentence `none` if there are no rows. */
export function table(
  headings: string[],
  rows: (string | number | null)[][],
  none: string,
): string {
  if (rows.length === 0) return none;

  const cells = rows.map((row) => row.map(formatCell));
  const widths = headings.map((heading, column) =>
    // An SBOM may have more packages than a call takes arguments.
    cells.reduce((width, row) => Math.max(width, visible(row[column] ?? '')), heading.length),
  );

  const line = (row: string[]) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd();

  return [colors.bold(line(headings)), ...cells.map(line)].join('\n');
}

/** A value as people read it: a time has its age beside it. */
function formatCell(value: string | number | boolean | null): string {
  return value === null ? '-' : safe(formatTime(String(value), new Date()));
}

/** Formats `name  value` lines with aligned values. */
export function formatFields(rows: [string, string | number | boolean | null][]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(([name, value]) => `${colors.dim(pad(name, width))}  ${formatCell(value)}`)
    .join('\n');
}

/** Colors a state by its meaning. */
export function colorState(name: string): string {
  if (['succeeded', 'approved', 'live', 'enrolled', 'none', 'verified'].includes(name))
    return colors.green(name);
  if (['refused', 'failed', 'rejected', 'expired', 'retired', 'quarantined'].includes(name))
    return colors.red(name);
  if (['awaiting_approval', 'awaiting_signature', 'pending', 'staging'].includes(name))
    return colors.yellow(name);

  return name;
}

let wide = false;

/** Makes the rest of this run print what columns cut otherwise. */
export function showWide(): void {
  wide = true;
}

/** Shortens a digest to `sha256:0123456789ab`, enough to recognise it, unless all is wanted. */
export function shortDigest(digest: string | null): string {
  if (digest === null) return '-';
  return wide ? digest : digest.slice(0, 19);
}

const visible = (text: string) => stripVTControlCharacters(text).length;
const pad = (text: string, width: number) => text + ' '.repeat(Math.max(0, width - visible(text)));

/** A cell that one of our colors wraps completely. A name that imitates one is harmless. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches escape sequences
const coloured = /^(\u001b\[3[1-3]m)([^\u001b]*)(\u001b\[39m)$/;

/**
 * Replaces control and formatting characters, except tabs. Names, paths and messages may come from
 * registries and modules; they must not control the terminal, hide text, break the line or reverse
 * its direction.
 */
export function safe(text: string): string {
  const [, start = '', inner = text, end = ''] = coloured.exec(text) ?? [];
  return `${start}${inner.replace(/(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')}${end}`;
}
