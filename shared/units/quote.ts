import { GantryError } from '../base/error.ts';

/** What a value belongs to, for errors: `the start_command of the service api of acme/web`. */
export type Place = string;

/** Characters that systemd takes literally in any word. */
const plainWord = /^[A-Za-z0-9_@:,./=+-]+$/;

/**
 * Refuses text that no line of a unit can hold: line breaks and other control characters, halves of
 * characters, and code points that Unicode reserves for internal use, which systemd rejects.
 */
export function requireLine(text: string, place: Place): string {
  const wrong = /[\p{Cc}\p{Noncharacter_Code_Point}]/u.exec(text.replaceAll('\t', ' '))?.[0];
  if (wrong === undefined && text.isWellFormed()) return text;

  const code = wrong?.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
  const found = wrong === undefined ? 'half of a character' : `the character U+${code}`;
  throw serviceInvalidError(`expected ${place} to be one line of text, found ${found}`);
}

/** Quotes a word for a list of words in a unit (systemd.syntax(7), "Quoting"). */
export function quoteWord(text: string): string {
  // "%" starts a specifier, whether it is quoted or not.
  const escaped = text.replaceAll('%', '%%');
  if (plainWord.test(text)) return escaped;
  const inner = escaped.replaceAll(/[\\"]/g, '\\$&').replaceAll(/\p{Cc}/gu, escapeBytes);
  return `"${inner}"`;
}

/**
 * Escapes the last field of a line of tmpfiles.d(5). It extends to the end of the line and is not
 * unquoted, but escapes and specifiers count in it. A "-" alone would leave the field empty.
 */
export function escapeArgument(text: string): string {
  if (text === '-') return escapeBytes(text);
  return [...text]
    .map((one) => (one === '%' ? '%%' : plainWord.test(one) ? one : escapeBytes(one)))
    .join('');
}

function escapeBytes(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

/** An absolute path as a whole value of a unit, which systemd does not unquote. */
export function pathValue(path: string, place: Place): string {
  requireLine(path, place);
  if (!isPlainPath(path))
    throw serviceInvalidError(
      `expected ${place} to be an absolute path without "." and ".." components, quotes and backslashes, found ${JSON.stringify(path)}`,
    );
  return path.replaceAll('%', '%%');
}

export function isPlainPath(path: string): boolean {
  return /^\/(?!.*(?:\/|^)\.\.?(?:\/|$))(?!.*\/\/)[^"'\\\t]*(?<!\s)$/u.test(path);
}

/**
 * Splits a command into words as a POSIX shell does, without any expansion: blanks separate words,
 * quotes and backslashes protect. Nothing runs the command in a shell.
 * @throws GantryError `service_invalid`
 */
export function splitCommand(command: string, place: Place): string[] {
  const text = requireLine(command.trim(), place);
  const words: string[] = [];
  const token = /\s+|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)/gy;
  let word: string | undefined;

  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) {
      throw serviceInvalidError(
        `expected ${place} to close each quote and to have no backslash at its end, found ${JSON.stringify(text.slice(at, at + 40))}`,
      );
    }

    const [whole, single, double, escaped, plain] = match;
    if (/^\s/.test(whole)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }

    word = (word ?? '') + (single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? plain);
  }

  if (word !== undefined) words.push(word);
  return words;
}

/**
 * Formats a command for ExecStart= and its kind, so that the process gets exactly these words.
 * @param executable the absolute path that is run
 * @throws GantryError `service_invalid`
 */
export function execValue(executable: string, args: readonly string[], place: Place): string {
  // systemd reads "-", "@", ":", "+" and "!" before the path as prefixes, even between quotes: "+"
  // would run the command with all rights. It does not expand "$" there.
  const path = pathValue(executable, `the executable in ${place}`);
  if (path.includes('$') || path.endsWith('/'))
    throw serviceInvalidError(
      `expected the executable in ${place} to be a file without "$" in its path, found ${JSON.stringify(executable)}`,
    );

  return [quoteWord(executable), ...args.map((one) => quoteWord(one).replaceAll('$', '$$$$'))].join(
    ' ',
  );
}

export function serviceInvalidError(message: string): GantryError {
  return new GantryError('service_invalid', message);
}
