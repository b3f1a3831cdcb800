import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { Glob } from './glob.ts';
import { distinctBytes, GlobAutomaton } from './glob-automaton.ts';
import { afterPathByte, mayEnd, type PathState, pathStart, pathStates } from './path-bytes.ts';

/** A path that shows how two globs overlap or differ. */
export interface ExamplePath {
  /** Absolute, without components that are empty, `.` or `..`. */
  path: string;
  isDirectory: boolean;
}

/**
 * Returns a shortest path that both globs match (as `matches` decides): a file if possible,
 * otherwise a directory. Returns null if no such path can exist. The path may be longer than Linux
 * allows, where the globs require it.
 *
 * It walks both automata together (product construction), so the time grows with the product of the
 * globs' lengths. Beyond `globComparisonStatesMax` pairs of positions it throws `glob_too_complex`.
 */
export function commonPath(a: Glob, b: Glob): ExamplePath | null {
  return findCommon(a, b, false);
}

/**
 * Returns whether both globs can match the same path, of a file or a directory; see `commonPath`.
 */
export function intersects(a: Glob, b: Glob): boolean {
  return findCommon(a, b, true) !== null;
}

function findCommon(a: Glob, b: Glob, directoryIsEnough: boolean): ExamplePath | null {
  if (literalsDiffer(a, b)) return null;

  const first = new GlobAutomaton(a);
  const second = new GlobAutomaton(b);
  const width = second.end + 1;
  const search = new Search(a, b, distinctBytes(first, second));

  return search.run(0, directoryIsEnough || a.directoryOnly || b.directoryOnly, {
    ends(pair) {
      const [p, q] = [Math.floor(pair / width), pair % width];
      if (first.endsFile[p] === 1 && second.endsFile[q] === 1) return 'file';
      return first.endsDirectory[p] === 1 && second.endsDirectory[q] === 1 ? 'directory' : null;
    },
    free(pair, reach) {
      if (first.isStar(Math.floor(pair / width))) reach(pair + width);
      if (second.isStar(pair % width)) reach(pair + 1);
    },
    after(pair, byte) {
      const p = first.after(Math.floor(pair / width), byte);
      const q = p === -1 ? -1 : second.after(pair % width, byte);
      return q === -1 ? -1 : p * width + q;
    },
  });
}

/**
 * Returns a shortest path that `b` matches and `a` does not, or null if `a` matches everything that
 * `b` matches.
 *
 * It walks `b` beside the sets of positions that `a` can be in (subset construction). A glob such
 * as `*a???????` has very many such sets. Beyond `globComparisonStatesMax` states it throws
 * `glob_too_complex`.
 */
export function pathOutside(a: Glob, b: Glob): ExamplePath | null {
  if (a.source === b.source) return null;

  const sets = new PositionSets(new GlobAutomaton(a));
  const inner = new GlobAutomaton(b);
  const width = inner.end + 1;
  const search = new Search(a, b, distinctBytes(sets.glob, inner));

  return search.run(sets.start * width, true, {
    ends(pair) {
      const [set, q] = [Math.floor(pair / width), pair % width];
      if (inner.endsFile[q] === 1 && !sets.endsFile(set)) return 'file';
      return inner.endsDirectory[q] === 1 && !sets.endsDirectory(set) ? 'directory' : null;
    },
    free(pair, reach) {
      if (inner.isStar(pair % width)) reach(pair + 1);
    },
    after(pair, byte) {
      const q = inner.after(pair % width, byte);
      return q === -1 ? -1 : sets.after(Math.floor(pair / width), byte) * width + q;
    },
  });
}

/** Returns whether `a` matches every file and directory that `b` matches; see `pathOutside`. */
export function contains(a: Glob, b: Glob): boolean {
  return pathOutside(a, b) === null;
}

/** The graph of a search: pairs of positions in two automata, as one number each. */
interface Pairs {
  /** The type of a path that ends here if the search wants it, otherwise null. */
  ends(pair: number): 'file' | 'directory' | null;
  /** Calls `reach` with each pair that is reached without reading a byte. */
  free(pair: number, reach: (pair: number) => void): void;
  /** The pair after one byte, or -1 if there is none. */
  after(pair: number, byte: number): number;
}

/**
 * Breadth-first search through pairs of positions, each with the state of a path. Shortest paths
 * come first.
 */
class Search {
  readonly #globs: [Glob, Glob];
  readonly #bytes: readonly number[];
  readonly #seen = new Set<number>();
  /** One item per state: its key, and the item and byte that first reached it (-1: none). */
  readonly #keys: number[] = [];
  readonly #from: number[] = [];
  readonly #byte: number[] = [];

  constructor(a: Glob, b: Glob, bytes: readonly number[]) {
    this.#globs = [a, b];
    this.#bytes = bytes;
  }

  /**
   * Returns the first path found. If a directory is not enough, returns it only when no file is
   * found.
   */
  run(startPair: number, directoryIsEnough: boolean, pairs: Pairs): ExamplePath | null {
    let directory: ExamplePath | null = null;
    this.#reach(startPair, pathStart, -1, -1);

    for (let item = 0, levelEnd = 0; item < this.#keys.length; item++) {
      if (item === levelEnd) levelEnd = this.#closeLevel(item, pairs);

      const end = this.#endAt(item, pairs);
      if (end === 'file') return { path: this.#pathTo(item), isDirectory: false };

      if (end === 'directory') directory ??= { path: this.#pathTo(item), isDirectory: true };
      if (directory !== null && (directoryIsEnough || this.#isExhausted())) return directory;
      if (this.#isExhausted()) throw this.#tooComplex();

      this.#readByte(item, pairs);
    }

    return directory;
  }

  /**
   * Takes all steps that read nothing, from `start` on. All items of a level are reached by the
   * same number of bytes, so these steps come before the next byte.
   * @returns the index after the level's last item
   */
  #closeLevel(start: number, pairs: Pairs): number {
    for (let item = start; item < this.#keys.length; item++) {
      const key = this.#keys[item] as number;
      pairs.free(Math.floor(key / pathStates), (pair) =>
        this.#reach(pair, key % pathStates, item, -1),
      );
    }
    return this.#keys.length;
  }

  #endAt(item: number, pairs: Pairs): 'file' | 'directory' | null {
    const key = this.#keys[item] as number;
    return mayEnd(key % pathStates) ? pairs.ends(Math.floor(key / pathStates)) : null;
  }

  #isExhausted(): boolean {
    return this.#keys.length >= limits.globComparisonStatesMax;
  }

  #readByte(item: number, pairs: Pairs): void {
    const key = this.#keys[item] as number;
    const pair = Math.floor(key / pathStates);
    const state = key % pathStates;

    for (const byte of this.#bytes) {
      const nextState = afterPathByte(state, byte);
      const next = nextState === -1 ? -1 : pairs.after(pair, byte);
      if (next !== -1) this.#reach(next, nextState, item, byte);
    }
  }

  #reach(pair: number, state: PathState, from: number, byte: number): void {
    const key = pair * pathStates + state;
    if (this.#seen.has(key)) return;

    this.#seen.add(key);
    this.#keys.push(key);
    this.#from.push(from);
    this.#byte.push(byte);
  }

  #tooComplex(): GantryError {
    const [a, b] = this.#globs.map(({ source }) => JSON.stringify(source.slice(0, 80)));
    const most = limits.globComparisonStatesMax;
    return new GantryError(
      'glob_too_complex',
      `expected to compare ${a} with ${b} in ${most} steps, found no result`,
    );
  }

  #pathTo(item: number): string {
    const bytes: number[] = [];
    for (let at = item; at !== -1; at = this.#from[at] as number) {
      const byte = this.#byte[at] as number;
      if (byte !== -1) bytes.push(byte);
    }

    return Buffer.from(bytes.reverse()).toString('utf8');
  }
}

/** The sets of positions that a glob can be in, numbered in the order of their discovery. */
class PositionSets {
  readonly glob: GlobAutomaton;
  readonly start: number;
  readonly #numbers = new Map<string, number>();
  readonly #sets: { positions: number[]; next: number[] }[] = [];

  constructor(glob: GlobAutomaton) {
    this.glob = glob;
    this.start = this.#number([0]);
  }

  endsFile(set: number): boolean {
    return this.#positions(set).some((position) => this.glob.endsFile[position] === 1);
  }

  endsDirectory(set: number): boolean {
    return this.#positions(set).some((position) => this.glob.endsDirectory[position] === 1);
  }

  after(set: number, byte: number): number {
    const next = this.#sets[set]?.next as number[];
    next[byte] ??= this.#number(
      this.#positions(set).flatMap((position) => {
        const after = this.glob.after(position, byte);
        return after === -1 ? [] : [after];
      }),
    );

    return next[byte];
  }

  #positions(set: number): number[] {
    return this.#sets[set]?.positions as number[];
  }

  #number(from: number[]): number {
    const positions = this.glob.rests(from);
    const key = positions.join();
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;

    const number = this.#sets.push({ positions, next: [] }) - 1;
    this.#numbers.set(key, number);
    return number;
  }
}

/** True for globs that start or end with different bytes, as most pairs do. They need no search. */
function literalsDiffer(a: Glob, b: Glob): boolean {
  if (differAt(a, b, (tokens, i) => tokens[i])) return true;
  return (
    !a.coversDirectory && !b.coversDirectory && differAt(a, b, (tokens, i) => tokens.at(-1 - i))
  );
}

function differAt(
  a: Glob,
  b: Glob,
  at: (tokens: Glob['tokens'], i: number) => Glob['tokens'][0] | undefined,
): boolean {
  for (let i = 0; ; i++) {
    const [ours, theirs] = [at(a.tokens, i), at(b.tokens, i)];
    if (ours?.kind !== 'byte' || theirs?.kind !== 'byte') return false;
    if (ours.byte !== theirs.byte) return true;
  }
}
