import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { type Glob, type GlobToken, toByteString } from './glob.ts';
import { absorbTokens } from './glob-automaton.ts';

/** A set of positions in the globs: where each of them can be after the bytes read so far. */
interface State {
  positions: number[];
  /** The state after one more byte, by the byte's class. Filled in when a path needs it. */
  next: (State | undefined)[];
  /** Globs that end here. */
  ended: readonly Glob[];
  /** Globs that match a path other than a directory. */
  files: readonly Glob[];
  /** Globs that match a directory. Computed on first use. */
  directories: readonly Glob[] | undefined;
}

const slash = 0x2f;
const noGlobs: readonly Glob[] = [];

/**
 * Finds which of many globs match a path. The globs run together as one automaton whose states are
 * made when a path first needs them (as in RE2), so the time for a path grows only with its length.
 * Globs and paths designed to need ever more states fail with `glob_too_complex` and do not exhaust
 * time or memory.
 *
 * Invariant: positions of one glob are consecutive, and its last one (`tokens[p] === undefined`)
 * means "matched".
 */
export class GlobMatcher {
  readonly #tokens: (GlobToken | undefined)[] = [];
  /** The glob that each position belongs to. */
  readonly #owners: Glob[] = [];
  readonly #byteClasses: Uint8Array;
  readonly #startPositions: number[] = [];
  /** For stars: the lowest position from which nothing more can match than from the star itself. */
  readonly #absorbs: number[] = [];
  #states = new Map<string, State>();
  /** The number of positions in the stored states, and of all positions examined so far. */
  #held = 0;
  #work = 0;
  #start: State;

  constructor(globs: Iterable<Glob>) {
    for (const glob of globs) {
      const first = this.#tokens.length;
      this.#startPositions.push(first);

      const absorbs = absorbTokens(glob.tokens);
      for (const [at, token] of [...glob.tokens, undefined].entries()) {
        this.#tokens.push(token);
        this.#owners.push(glob);
        this.#absorbs.push(first + (absorbs[at] ?? at));
      }
    }

    this.#byteClasses = classifyBytes(this.#tokens);
    this.#start = this.#intern(this.#startPositions);
  }

  /**
   * `path` is absolute; `isDirectory` is false for everything else, symlinks to directories
   * included.
   */
  matches(path: string, isDirectory: boolean): boolean {
    return this.matching(path, isDirectory).length > 0;
  }

  /**
   * Returns the globs that match a path. All paths that end in the same state get the same array.
   */
  matching(path: string, isDirectory: boolean): readonly Glob[] {
    // rsync never filters the root of the transfer.
    if (path === '/') return noGlobs;

    const bytes = toByteString(path);
    let state = this.#start;

    for (let i = 0; i < bytes.length; i++) {
      state = this.#after(state, bytes.charCodeAt(i));
      if (state.positions.length === 0) return noGlobs;
    }

    return isDirectory ? this.#directories(state) : state.files;
  }

  /** A trailing `***` matches a directory whose path would match with a trailing `/`. */
  #directories(state: State): readonly Glob[] {
    state.directories ??= [
      ...state.ended,
      ...this.#after(state, slash).ended.filter(
        (glob) => glob.coversDirectory && !state.ended.includes(glob),
      ),
    ];
    return state.directories;
  }

  #after(state: State, byte: number): State {
    const byteClass = this.#byteClasses[byte] as number;
    const known = state.next[byteClass];
    if (known !== undefined) return known;

    const positions: number[] = [];
    for (const position of state.positions) {
      const token = this.#tokens[position];
      if (token === undefined) continue;

      if (token.kind === 'globstar' || (token.kind === 'star' && byte !== slash))
        positions.push(position);
      else if (
        token.kind === 'byte'
          ? token.byte === byte
          : token.kind === 'set' && token.members[byte] === 1
      ) {
        positions.push(position + 1);
      }
    }

    const made = this.#intern(positions);
    state.next[byteClass] = made;
    return made;
  }

  /**
   * Returns the state for some positions and those that they reach without reading a byte. A star
   * may match nothing.
   */
  #intern(from: number[]): State {
    const reached = new Set<number>();
    for (let position of from) {
      reached.add(position);
      for (
        let kind = this.#kind(position);
        kind === 'star' || kind === 'globstar';
        kind = this.#kind(position)
      ) {
        position++;
        reached.add(position);
      }
    }

    this.#makeRoom(reached.size);
    const positions = this.#withoutAbsorbed(reached);
    const key = positions.join();
    const known = this.#states.get(key);
    if (known !== undefined) return known;

    this.#held += positions.length;
    const ended = positions
      .filter((place) => this.#tokens[place] === undefined)
      .map((p) => this.#owners[p] as Glob);
    const files = ended.filter((glob) => !glob.directoryOnly);
    const state: State = { positions, next: [], ended, files, directories: undefined };

    this.#states.set(key, state);
    return state;
  }

  /**
   * Sorts positions in ascending order, without those that cannot match more than a star after
   * them. So states stay small and few.
   */
  #withoutAbsorbed(reached: ReadonlySet<number>): number[] {
    const kept: number[] = [];
    let from = Number.POSITIVE_INFINITY;
    let to = Number.POSITIVE_INFINITY;

    for (const position of [...reached].sort((a, b) => b - a)) {
      if (position >= from && position < to) continue;

      kept.push(position);
      if (this.#kind(position) !== 'star' && this.#kind(position) !== 'globstar') continue;

      to = position;
      from = this.#absorbs[position] as number;
    }

    return kept.reverse();
  }

  /**
   * Discards the stored states when there are too many, which bounds the memory. Throws when the
   * total work exceeds its limit.
   */
  #makeRoom(positions: number): void {
    this.#work += positions;
    if (this.#work > limits.globWorkMax) throw this.#tooComplex();
    if (this.#states.size < limits.globStatesMax && this.#held < limits.globPositionsMax) return;

    this.#states = new Map();
    this.#held = 0;
    this.#start = this.#intern(this.#startPositions);
  }

  #tooComplex(): GantryError {
    const [first] = this.#owners;
    const some = `${new Set(this.#owners).size} patterns such as ${JSON.stringify(first?.source.slice(0, 80))}`;
    return new GantryError(
      'glob_too_complex',
      `expected to match paths with ${some} in ${limits.globWorkMax} steps, found no end in them`,
    );
  }

  #kind(position: number): GlobToken['kind'] | undefined {
    return this.#tokens[position]?.kind;
  }
}

/** Numbers the bytes: two bytes have the same number if no token distinguishes them. */
function classifyBytes(tokens: (GlobToken | undefined)[]): Uint8Array {
  const literal = new Set<number>([slash]);
  const sets = new Set<Uint8Array>();

  for (const token of tokens) {
    if (token?.kind === 'byte') literal.add(token.byte);
    if (token?.kind === 'set') sets.add(token.members);
  }

  const numbers = new Map<string, number>();
  const classes = new Uint8Array(256);

  for (let byte = 0; byte < 256; byte++) {
    let signature = literal.has(byte) ? `${byte}:` : ':';
    if (!literal.has(byte)) for (const members of sets) signature += members[byte];
    const number = numbers.get(signature) ?? numbers.size;

    numbers.set(signature, number);
    classes[byte] = number;
  }

  return classes;
}

const single = new WeakMap<Glob, GlobMatcher>();

/**
 * Returns whether one glob matches an absolute path. For many paths or globs use a `GlobMatcher`.
 */
export function matches(glob: Glob, path: string, isDirectory: boolean): boolean {
  let matcher = single.get(glob);
  if (matcher === undefined) {
    matcher = new GlobMatcher([glob]);
    single.set(glob, matcher);
  }

  return matcher.matches(path, isDirectory);
}
