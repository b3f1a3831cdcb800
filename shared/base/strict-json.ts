/**
 * Parses JSON that others may read too, such as a signed statement. It refuses what two readers
 * understand differently: a repeated key (RFC 8259, section 4), a byte order mark, bytes that are
 * not UTF-8, half a surrogate pair, and the key `__proto__`, which parsers of JavaScript lose.
 * @throws SyntaxError in words that may be shown
 */
export function parseStrictJson(source: string | Uint8Array): unknown {
  const text = typeof source === 'string' ? source : decode(source);
  const value: unknown = JSON.parse(text);
  checkStrings(text);
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    // A byte order mark stays in the text, where JSON.parse refuses it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError('expected UTF-8, found other bytes', { cause });
  }
}

/** Strings and brackets are all that matters in a text which is valid JSON. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]]/gs;

/** Checks the strings of a text that is valid JSON, in one pass and without recursion. */
function checkStrings(text: string): void {
  /** The keys of each open object; null for a list. */
  const open: (Set<string> | null)[] = [];

  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(null);
    else if (token === '}' || token === ']') open.pop();
    else checkString(text, { token, end: index + token.length }, open.at(-1) ?? null);
  }
}

function checkString(
  text: string,
  { token, end }: { token: string; end: number },
  keys: Set<string> | null,
): void {
  const string = token.includes('\\') ? String(JSON.parse(token)) : token.slice(1, -1);
  if (!string.isWellFormed())
    throw new SyntaxError('expected Unicode text, found half a surrogate pair');
  if (keys === null || !isKey(text, end)) return;

  const shown = JSON.stringify(string.slice(0, 100).toWellFormed());
  if (string === '__proto__') throw new SyntaxError(`expected another key than ${shown}`);
  if (keys.has(string)) throw new SyntaxError(`expected each key once, found ${shown} again`);
  keys.add(string);
}

const colon = /[ \t\n\r]*:/y;

/** In JSON, a string before a colon is a key. */
function isKey(text: string, end: number): boolean {
  colon.lastIndex = end;
  return colon.test(text);
}
