import { RE2JS } from 're2js';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';

/**
 * Compiles a regexp with RE2 meaning (linear time), as Go and so cosign read it. Use `test`, which searches.
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

/** The regexp that matches one text and nothing else. */
export function exactRegexp(text: string): string {
  return `^${RE2JS.quote(text)}$`;
}

/**
 * Checks a regexp at registration. Regexps are searched for, so one that is not anchored at both ends accepts every
 * identity that merely contains a match: `…/my-module` would accept `…/my-module-evil`.
 * @param field named in the error
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

/** A `^` that what follows makes optional: RE2 has a repetition pass over flags and empty quotations, `^(?i)*a$` is `(^)*a$`. */
const optionalStart = /^\^(\(\?[^()]*\)|\\Q\\E|\\E)*[*+?{]/;

/** True when every alternative at the top level begins with `^` and ends with `$`. */
export function isAnchored(source: string): boolean {
  // Under (?m), ^ and $ would also match at line ends within the text.
  if (/\(\?[a-zA-Z]*m/.test(source)) return false;
  const body = source.replace(/^\(\?[isU]+\)/, '');
  return topLevelAlternatives(body).every(
    ({ text, endsWithMetaDollar }) =>
      text.startsWith('^') && !optionalStart.test(text) && endsWithMetaDollar,
  );
}

interface Alternative {
  text: string;
  /** False where the last `$` is escaped, quoted, within a class or a group. */
  endsWithMetaDollar: boolean;
}

function topLevelAlternatives(source: string): Alternative[] {
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
    if (char === '\\') i = escapeEnd(source, i);
    else if (char === '[') i = classEnd(source, i);
    else if (char === '(') depth++;
    else if (char === ')') depth--;
  }
  alternatives.push({ text: source.slice(start), endsWithMetaDollar });
  return alternatives;
}

/** The index of the last character of the escape, or of the quotation `\Q…\E`, that begins at `at`. */
function escapeEnd(source: string, at: number): number {
  if (source[at + 1] !== 'Q') return at + 1;
  const end = source.indexOf('\\E', at + 2);
  return end < 0 ? source.length : end + 1;
}

/** The index of the `]` that ends the class beginning at `at`; a `]` right behind `[` or `[^` is a member. */
function classEnd(source: string, at: number): number {
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
