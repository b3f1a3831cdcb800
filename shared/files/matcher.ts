import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { type Glob, type GlobToken, toByteString } from './glob.ts';
import { absorbed } from './glob-automaton.ts';

/** A set of places in the globs: where each of them can stand after the bytes read so far. */
interface State {
  positions: number[];
  /** The state after one more byte, by the byte's class; filled in as paths ask for it. */
  next: (State | undefined)[];
  /** Globs that end here. */
  ended: readonly Glob[];
  /** Those that match what is no directory. */
  files: readonly Glob[];
  /** Those that match a directory; found when it is first asked for. */
  directories: readonly Glob[] | undefined;
}

const slash = 0x2f;
const noGlobs: readonly Glob[] = [];

/**
 * Tells which of many globs match a path. The globs run together as one automaton whose states are
 * made when a path first needs them (as RE2 does it), so the time for a path grows with its length
 * only. Globs and paths that were made to need ever more states end with `glob_too_complex` instead
 * of taking all time or memory.
 *
 * Invariant: positions of one glob are consecutive, its last one (`tokens[p] === undefined`) means
 * "matched".
 */
export class GlobMatcher {
  readonly #tokens: (GlobToken | undefined)[] = [];
  /** The glob that each position belongs to. */
  readonly #owners: Glob[] = [];
  readonly #byteClasses: Uint8Array;
  readonly #startPositions: number[] = [];
  /**
   * For positions that are stars: the lowest from which no more can be matched than from the star
   * itself.
   */
  readonly #absorbs: number[] = [];
  #states = new Map<string, State>();
  /** Positions in the states that are kept, and those that were looked at in all. */
  #held = 0;
  #work = 0;
  #start: State;

  constructor(globs: Iterable<Glob>) {
    for (const glob of globs) {
      const first = this.#tokens.length;
      this.#startPositions.push(first);

      const absorbs = absorbed(glob.tokens);
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
   * The globs that match a path. Paths that bring the automaton to one state are answered with one
   * array.
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

  /** A trailing `***` takes a directory whose path would match with a `/` behind it. */
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
   * The state for some positions and those that are reached from them without reading a byte: stars
   * may match none.
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
   * In ascending order, without those that cannot match more than a star behind them: states stay
   * small, and few.
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
   * Forgets what is kept where that is much, so that it does not grow; throws where all work
   * together is too much.
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

/** Numbers the bytes so that two bytes have one number when no token tells them apart. */
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

/** Whether one glob matches an absolute path. For many paths or globs use a `GlobMatcher`. */
export function matches(glob: Glob, path: string, isDirectory: boolean): boolean {
  let matcher = single.get(glob);
  if (matcher === undefined) {
    matcher = new GlobMatcher([glob]);
    single.set(glob, matcher);
  }

  return matcher.matches(path, isDirectory);
}
