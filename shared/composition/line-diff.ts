import { diff } from 'node:util';
import { limits } from '../base/limits/index.ts';

/** Unchanged lines shown around a difference. */
const context = 2;

/**
 * Returns the lines in which two texts differ, in the form of `RenderedChange.diff`, at most
 * `linesMax` of them. Returns null if more than `limits.diffLinesCompared` lines lie between the
 * first and the last difference, because the comparison could take seconds.
 */
export function lineDiff(
  before: string,
  after: string,
  linesMax: number,
): { lines: string[]; more: number } | null {
  const [old, fresh] = [splitLines(before), splitLines(after)];
  const shorter = Math.min(old.length, fresh.length);
  let start = 0;
  while (start < shorter && old[start] === fresh[start]) start++;
  let same = 0;
  while (same < shorter - start && old[old.length - 1 - same] === fresh[fresh.length - 1 - same])
    same++;
  const middle = [
    old.slice(start, old.length - same),
    fresh.slice(start, fresh.length - same),
  ] as const;
  if (Math.max(...middle.map(({ length }) => length)) > limits.diffLinesCompared) return null;
  if (middle.every(({ length }) => length === 0)) return { lines: [], more: 0 };

  const lines: Line[] = [
    ...old.slice(Math.max(0, start - context), start).map((text): Line => [' ', text]),
    ...putRemovedFirst(diff(middle[1], middle[0]).map(([sign, text]) => [signs[`${sign}`], text])),
    ...old.slice(old.length - same, old.length - same + context).map((text): Line => [' ', text]),
  ];

  const reported = hunks(lines, Math.max(0, start - context));
  return { lines: reported.slice(0, linesMax), more: Math.max(0, reported.length - linesMax) };
}

function splitLines(text: string): string[] {
  const lines = text.split('\n');
  // Shown like a line, as diff(1) does, so that it is visible when texts differ in nothing else.
  if (lines.at(-1) === '') lines.pop();
  else lines.push('\\ no newline at the end');
  return lines;
}

type Line = [sign: ' ' | '+' | '-', text: string];

const signs = { '-1': '-', '0': ' ', '1': '+' } as const;

/** Where lines are replaced, the old lines come before the new ones. */
function putRemovedFirst(lines: Line[]): Line[] {
  const out: Line[] = [];
  const added: Line[] = [];

  for (const line of lines) {
    if (line[0] === '+') added.push(line);
    else {
      if (line[0] === ' ') out.push(...added.splice(0));
      out.push(line);
    }
  }

  return [...out, ...added];
}

/**
 * Returns the differing lines and their neighbours, each place with its line numbers. `skipped`
 * lines precede the first of them.
 */
function hunks(lines: readonly Line[], skipped: number): string[] {
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - context), i + context + 1).some(([sign]) => sign !== ' '),
  );
  const out: string[] = [];
  let [oldLine, freshLine] = [skipped + 1, skipped + 1];

  for (const [i, [sign, text]] of lines.entries()) {
    if (near[i] && !near[i - 1]) out.push(`@@ -${oldLine} +${freshLine} @@`);
    if (near[i]) out.push(`${sign} ${shorten(text)}`);
    if (sign !== '+') oldLine++;
    if (sign !== '-') freshLine++;
  }

  return out;
}

function shorten(text: string): string {
  return text.length <= limits.diffLineLengthMax
    ? text
    : `${text.slice(0, limits.diffLineLengthMax).toWellFormed()}…`;
}
