import { limits } from '../base/limits/index.ts';
import { toBytes } from './escaped-bytes.ts';
import { parseClass } from './glob-class.ts';
import { badGlob } from './glob-error.ts';

/** The bytes of a path that one element of a glob matches. */
export type GlobToken =
  /** Exactly this byte. */
  | { kind: 'byte'; byte: number }
  /** One byte with `members[byte] === 1`; never `/`. */
  | { kind: 'set'; members: Uint8Array }
  /** `*`: any bytes but `/`. */
  | { kind: 'star' }
  /** `**`: any bytes. */
  | { kind: 'globstar' };

/**
 * A parsed rsync glob. However the pattern is anchored, `tokens` match the whole absolute path from
 * its leading `/` to its end. So globs can be compared without the form in which they were written.
 */
export interface Glob {
  /** The pattern as written. */
  source: string;
  tokens: GlobToken[];
  /** A trailing `/`: only directories match. */
  directoryOnly: boolean;
  /**
   * A trailing `***`: a directory also matches when the tokens match its path followed by a `/`.
   */
  coversDirectory: boolean;
}

const slash = 0x2f;
const byteToken = (byte: number): GlobToken => ({ kind: 'byte', byte });
const anyButSlash: GlobToken = {
  kind: 'set',
  members: new Uint8Array(256).fill(1).fill(0, slash, slash + 1),
};
const nothing: GlobToken = { kind: 'set', members: new Uint8Array(256) };

/**
 * Returns the bytes of a text as a string with one character (0 to 255) per byte, because rsync's
 * wildcards match bytes and not characters. The bytes are those of UTF-8, and of what `readBytes`
 * escaped.
 */
export function toByteString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is ASCII, too.
  return /^[\x00-\x7f]*$/.test(text) ? text : toBytes(text).toString('latin1');
}

/**
 * Parses an rsync filter pattern (rsync(1), PATTERN MATCHING RULES).
 * @throws GantryError `glob_invalid` for a pattern that rsync accepts silently but that can never
 * match, or that rsync reads as something other than a pattern
 */
export function compileGlob(pattern: string): Glob {
  const bytes = toByteString(pattern);
  refuseUnusable(pattern, bytes);

  const directoryOnly = bytes.length > 1 && bytes.endsWith('/');
  const body = directoryOnly ? bytes.slice(0, -1) : bytes;
  // rsync looks at these raw characters, escaped or not. They decide whether `\` is an escape and
  // how the pattern is anchored.
  const wild = /[*?[]/.test(body);
  const crossesSlashes = body.includes('**');
  const anchored = body.startsWith('/');
  const { tokens, slashInClass } = wild ? wildTokens(pattern, body) : literalTokens(body);

  return {
    source: pattern,
    tokens: [...findAnchoring(body, { anchored, crossesSlashes, slashInClass }), ...tokens],
    directoryOnly,
    coversDirectory: body.endsWith('***'),
  };
}

/**
 * Returns the only path that a glob can match. Returns null for a glob that could match several
 * paths, or only directories.
 */
export function literalPath({ tokens, directoryOnly }: Glob): string | null {
  if (directoryOnly) return null;
  const bytes = tokens.map((token) => (token.kind === 'byte' ? token.byte : -1));
  return bytes.includes(-1) ? null : Buffer.from(bytes).toString('utf8');
}

/**
 * Returns globs for the directories that must exist above whatever a glob matches, up to its first
 * `**`: `/etc/app` and `/etc` of `/etc/app/*.key`. A pattern for directories only names itself too.
 * A glob that is not anchored has none, because it could match below any directory.
 */
export function globsAbove(glob: Glob): Glob[] {
  const first = glob.tokens.findIndex(({ kind }) => kind === 'globstar');
  const ends = glob.tokens.flatMap((token, at) =>
    at > 0 && token.kind === 'byte' && token.byte === slash ? [at] : [],
  );
  if (glob.directoryOnly) ends.push(glob.tokens.length);

  return ends
    .filter((end) => first < 0 || end <= first)
    .map((end) => ({
      ...glob,
      tokens: glob.tokens.slice(0, end),
      directoryOnly: false,
      coversDirectory: false,
    }));
}

/** The tokens before a pattern's own, which make it match from the path's leading `/`. */
function findAnchoring(
  body: string,
  {
    anchored,
    crossesSlashes,
    slashInClass,
  }: { anchored: boolean; crossesSlashes: boolean; slashInClass: boolean },
): GlobToken[] {
  // An anchored pattern starts with its own `/`, and a leading `**` in rsync sees the path's
  // leading `/`.
  if (anchored || body.startsWith('**')) return [];
  // rsync compares such a pattern with as many components as it has slashes, and a class never
  // matches a slash.
  if (slashInClass && !crossesSlashes) return [nothing];
  return [{ kind: 'globstar' }, byteToken(slash)];
}

function literalTokens(body: string): { tokens: GlobToken[]; slashInClass: boolean } {
  return { tokens: Array.from(body, (char) => byteToken(char.charCodeAt(0))), slashInClass: false };
}

function wildTokens(pattern: string, body: string): { tokens: GlobToken[]; slashInClass: boolean } {
  const tokens: GlobToken[] = [];
  let slashInClass = false;

  for (let at = 0; at < body.length; ) {
    const { token, end } = wildToken(pattern, body, at);
    if (body[at] === '[' && body.slice(at, end).includes('/')) slashInClass = true;
    tokens.push(token);
    at = end;
  }

  return { tokens, slashInClass };
}

/** The token that starts at an index, and the index after it. */
function wildToken(pattern: string, body: string, at: number): { token: GlobToken; end: number } {
  switch (body[at]) {
    case '*': {
      let end = at + 1;
      while (body[end] === '*') end++;
      return { token: { kind: end - at > 1 ? 'globstar' : 'star' }, end };
    }
    case '?':
      return { token: anyButSlash, end: at + 1 };
    case '[': {
      const { members, end } = parseClass(pattern, body, at);
      members[slash] = 0;
      return { token: { kind: 'set', members }, end };
    }
    case '\\':
      if (at + 1 < body.length) return { token: byteToken(body.charCodeAt(at + 1)), end: at + 2 };
      throw badGlob(
        pattern,
        'expected a character after the last "\\"; write "\\\\" for a backslash',
      );
    default:
      return { token: byteToken(body.charCodeAt(at)), end: at + 1 };
  }
}

function refuseUnusable(pattern: string, bytes: string): void {
  if (bytes === '') throw badGlob(pattern, 'expected a pattern, found an empty string');
  if (bytes.length > limits.globBytesMax) {
    const start = `${pattern.slice(0, 40)}…`;
    throw badGlob(start, `expected at most ${limits.globBytesMax} bytes, found ${bytes.length}`);
  }

  if (!pattern.isWellFormed() || pattern.includes('\0')) {
    throw badGlob(pattern, 'expected Unicode text without NUL: no file name could match it');
  }

  if (pattern.split('/').includes('..')) {
    throw badGlob(pattern, 'expected a path inside the tree, found a ".." component');
  }

  // rsync's --exclude and --include keep their old meaning of these (rsync(1), "old-style" rule
  // prefixes).
  if (pattern === '!' || /^[+-] /.test(pattern)) {
    // A class that begins with `!` is a negated one.
    const escaped = pattern === '!' ? '[\\!]' : pattern.replace(/^./, '[$&]');
    throw badGlob(
      pattern,
      `rsync reads this as a filter rule, not as a pattern; write "${escaped}"`,
    );
  }
}
