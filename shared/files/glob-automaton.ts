import type { Glob, GlobToken } from './glob.ts';
import { afterPathByte, pathStates } from './path-bytes.ts';

const slash = 0x2f;

/**
 * A glob as an automaton. Its states are positions in its tokens; the last one (`end`) means that
 * all tokens matched. The members describe single positions, and `rests` lists the other positions
 * that a position reaches without reading a byte.
 */
export class GlobAutomaton {
  readonly tokens: readonly GlobToken[];
  readonly end: number;
  /**
   * 1 at each position where a path may end and match, separately for directories and other files.
   */
  readonly endsFile: Uint8Array;
  readonly endsDirectory: Uint8Array;
  /** For stars: the lowest position from which nothing more can match than from the star itself. */
  readonly #absorbs: Int32Array;

  constructor({ tokens, directoryOnly, coversDirectory }: Glob) {
    this.tokens = tokens;
    this.end = tokens.length;
    this.endsFile = new Uint8Array(this.end + 1);
    this.endsDirectory = new Uint8Array(this.end + 1);
    this.#absorbs = absorbTokens(tokens);

    for (let position = this.end; position >= 0; position--) {
      const ends =
        position === this.end || (this.isStar(position) && this.endsDirectory[position + 1] === 1);
      if (ends) this.endsDirectory[position] = 1;
    }

    if (!directoryOnly) this.endsFile.set(this.endsDirectory);
    if (coversDirectory) this.#coverDirectories(this.endsDirectory.slice());
  }

  isStar(position: number): boolean {
    const kind = this.tokens[position]?.kind;
    return kind === 'star' || kind === 'globstar';
  }

  /** The position after one byte, or -1 if the byte does not match. */
  after(position: number, byte: number): number {
    const token = this.tokens[position];
    switch (token?.kind) {
      case 'globstar':
        return position;
      case 'star':
        return byte === slash ? -1 : position;
      case 'byte':
        return token.byte === byte ? position + 1 : -1;
      case 'set':
        return token.members[byte] === 1 ? position + 1 : -1;
      default:
        return -1;
    }
  }

  /**
   * Returns all positions that are reachable from the given ones without reading a byte, in
   * descending order. It omits positions that cannot match more than another one, so that sets of
   * positions stay small and equal sets look equal.
   */
  rests(from: Iterable<number>): number[] {
    const reached = new Set<number>();
    for (let position of from) {
      reached.add(position);
      while (this.isStar(position) && !reached.has(position + 1)) reached.add(++position);
    }

    const kept: number[] = [];
    let low = Number.POSITIVE_INFINITY;

    for (const position of [...reached].sort((a, b) => b - a)) {
      if (position >= low) continue;
      kept.push(position);
      if (this.isStar(position)) low = this.#absorbs[position] as number;
    }

    return kept;
  }

  /** A trailing `***` matches a directory whose path would match with a trailing `/`. */
  #coverDirectories(ends: Uint8Array): void {
    for (let position = this.end; position >= 0; position--) {
      const next = this.after(position, slash);
      const covers = next !== -1 && ends[next] === 1;
      if (covers || (this.isStar(position) && this.endsDirectory[position + 1] === 1)) {
        this.endsDirectory[position] = 1;
      }
    }
  }
}

/**
 * Returns for each star the lowest position from which nothing more can match than from the star
 * itself. A `**` covers every position before it. A `*` covers the positions before it up to the
 * last `/`.
 */
export function absorbTokens(tokens: readonly GlobToken[]): Int32Array {
  const from = new Int32Array(tokens.length);
  let segment = 0;

  for (const [position, token] of tokens.entries()) {
    from[position] = token.kind === 'globstar' ? 0 : segment;
    if (token.kind === 'globstar' || (token.kind === 'byte' && token.byte === slash))
      segment = position + 1;
  }

  return from;
}

/** Most readable first, so that example paths look like real paths. */
const readable = Buffer.from(
  'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-',
  'latin1',
);
const bytesByLooks = [
  ...new Set([...readable, ...Array.from({ length: 256 }, (_, byte) => (byte + 0x20) & 0xff)]),
];

/**
 * Returns one byte for each set of bytes that neither the globs nor the rules for paths
 * distinguish. Testing these bytes is enough.
 */
export function distinctBytes(...globs: GlobAutomaton[]): number[] {
  const literal = new Uint8Array(256);
  const sets = new Set<Uint8Array>();

  for (const { tokens } of globs) {
    for (const token of tokens) {
      if (token.kind === 'byte') literal[token.byte] = 1;
      if (token.kind === 'set') sets.add(token.members);
    }
  }

  const seen = new Set<string>();
  return bytesByLooks.filter((byte) => {
    let signature = literal[byte] === 1 ? `${byte}` : (pathClasses[byte] as string);
    if (literal[byte] !== 1)
      for (const members of sets) signature += members[byte] === 1 ? '1' : '0';
    if (seen.has(signature)) return false;

    seen.add(signature);
    return true;
  });
}

const pathClasses = Array.from({ length: 256 }, (_, byte) => {
  const nexts = Array.from({ length: pathStates }, (_, state) => afterPathByte(state, byte));
  return `${nexts.join()}:`;
});
