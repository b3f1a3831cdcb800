import { RE2JS } from 're2js';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';

/**
 * Compiles a regexp with RE2 (linear time), as Go and therefore cosign read it. Use `test`, which
 * searches.
 * @throws GantryError `regexp_invalid`
 */
export function compileRegexp(source: string, field?: string): RE2JS {
  const context = { found: source, ...(field === undefined ? {} : { field }) };
  if (source.length > limits.regexpLengthMax) {
    const message = `expected a regexp of at most ${limits.regexpLengthMax} characters, found ${source.length}`;
    throw new GantryError('regexp_invalid', message, context);
  }

  try {
    return RE2JS.compile(source);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GantryError('regexp_invalid', `"${source}" is not an RE2 regexp: ${reason}`, {
      ...context,
      cause,
    });
  }
}

/** Returns the regexp that matches one text and nothing else. */
export function exactRegexp(text: string): string {
  return `^${RE2JS.quote(text)}$`;
}

/**
 * Checks a regexp at registration. A regexp may match anywhere in an identity, so it must be
 * anchored at both ends: `…/my-module` would also accept `…/my-module-evil`.
 * @param options.field the field that the error names
 * @throws GantryError `regexp_invalid`, `regexp_unanchored`
 */
export function checkRegexp(
  source: string,
  options: { allowUnanchored?: boolean; field?: string } = {},
): void {
  compileRegexp(source, options.field);
  if (options.allowUnanchored || isAnchored(source)) return;

  const context = {
    expected: '^…$',
    found: source,
    ...(options.field === undefined ? {} : { field: options.field }),
  };

  throw new GantryError(
    'regexp_unanchored',
    `expected a regexp that begins with ^ and ends with $, or allow_unanchored, found "${source}"`,
    context,
  );
}

/**
 * A `^` that a repetition makes optional. In RE2 a repetition skips flags and empty quotations, so
 * `^(?i)*a$` is `(^)*a$`.
 */
const optionalStart = /^\^(\(\?[^()]*\)|\\Q\\E|\\E)*[*+?{]/;

/** True when every alternative at the top level begins with `^` and ends with `$`. */
export function isAnchored(source: string): boolean {
  // With (?m), ^ and $ also match at line ends within the text.
  if (/\(\?[a-zA-Z]*m/.test(source)) return false;
  const body = source.replace(/^\(\?[isU]+\)/, '');
  return splitAlternatives(body).every(
    ({ text, endsWithMetaDollar }) =>
      text.startsWith('^') && !optionalStart.test(text) && endsWithMetaDollar,
  );
}

interface Alternative {
  text: string;
  /** False when the last `$` is escaped, quoted, or within a class or a group. */
  endsWithMetaDollar: boolean;
}

function splitAlternatives(source: string): Alternative[] {
  const alternatives: Alternative[] = [];
  let start = 0;
  let depth = 0;
  let endsWithMetaDollar = false;

  for (let i = 0; i < source.length; i++) {
    const char = source[i];
    if (char === '|' && depth === 0) {
      alternatives.push({ text: source.slice(start, i), endsWithMetaDollar });
      start = i + 1;
    }

    endsWithMetaDollar = char === '$' && depth === 0;
    if (char === '\\') i = findEscapeEnd(source, i);
    else if (char === '[') i = findClassEnd(source, i);
    else if (char === '(') depth++;
    else if (char === ')') depth--;
  }

  alternatives.push({ text: source.slice(start), endsWithMetaDollar });
  return alternatives;
}

/**
 * Returns the index of the last character of the escape, or of the quotation `\Q…\E`, that begins
 * at `at`.
 */
function findEscapeEnd(source: string, at: number): number {
  if (source[at + 1] !== 'Q') return at + 1;
  const end = source.indexOf('\\E', at + 2);
  return end < 0 ? source.length : end + 1;
}

/**
 * Returns the index of the `]` that ends the class at `at`. A `]` right after `[` or `[^` is a
 * member of the class.
 */
function findClassEnd(source: string, at: number): number {
  let i = at + 1;
  if (source[i] === '^') i++;
  if (source[i] === ']') i++;

  for (; i < source.length && source[i] !== ']'; i++) {
    if (source[i] === '\\') i++;
    else if (source.startsWith('[:', i)) {
      const end = source.indexOf(':]', i + 2);
      if (end > 0) i = end + 1;
    }
  }

  return i;
}
