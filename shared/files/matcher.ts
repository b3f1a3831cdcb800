import { limits } from '../limits.ts';
import { type Glob, type GlobToken, toByteString } from './glob.ts';

/** A set of places in the globs: where each of them can stand after the bytes read so far. */
interface State {
  positions: number[];
  /** The state after one more byte, by the byte's class; filled in as paths ask for it. */
  next: (State | undefined)[];
  /** Some glob ends here, whatever the path is. */
  matchesAny: boolean;
  /** Some glob ends here, for directories. */
  matchesDirectory: boolean;
  /** Some glob with a trailing `***` ends here. */
  coversDirectory: boolean;
}

const slash = 0x2f;

/**
 * Tells whether any of many globs matches a path. The globs run together as one automaton whose states are made when a
 * path first needs them (as RE2 does it), so the time for a path grows with its length only, whatever the globs are.
 *
 * Invariant: positions of one glob are consecutive, its last one (`tokens[p] === undefined`) means "matched".
 */
export class GlobMatcher {
  readonly #tokens: (GlobToken | undefined)[] = [];
  /** The glob that each position belongs to. */
  readonly #owners: Glob[] = [];
  readonly #byteClasses: Uint8Array;
  readonly #startPositions: number[] = [];
  #states = new Map<string, State>();
  #start: State;

  constructor(globs: Iterable<Glob>) {
    for (const glob of globs) {
      this.#startPositions.push(this.#tokens.length);
      for (const token of [...glob.tokens, undefined]) {
        this.#tokens.push(token);
        this.#owners.push(glob);
      }
    }
    this.#byteClasses = classifyBytes(this.#tokens);
    this.#start = this.#intern(this.#startPositions);
  }

  /** `path` is absolute; `isDirectory` is false for everything else, symlinks to directories included. */
  matches(path: string, isDirectory: boolean): boolean {
    // rsync never filters the root of the transfer.
    if (path === '/') return false;
    const bytes = toByteString(path);
    let state = this.#start;
    for (let i = 0; i < bytes.length; i++) {
      state = this.#after(state, bytes.charCodeAt(i));
      if (state.positions.length === 0) return false;
    }
    if (state.matchesAny) return true;
    return isDirectory && (state.matchesDirectory || this.#after(state, slash).coversDirectory);
  }

  #after(state: State, byte: number): State {
    const byteClass = this.#byteClasses[byte] as number;
    const known = state.next[byteClass];
    if (known !== undefined) return known;
    const positions: number[] = [];
    for (const position of state.positions) {
      const token = this.#tokens[position];
      if (token === undefined) continue;
      if (token.kind === 'globstar' || (token.kind === 'star' && byte !== slash)) positions.push(position);
      else if (token.kind === 'byte' ? token.byte === byte : token.kind === 'set' && token.members[byte] === 1) {
        positions.push(position + 1);
      }
    }
    const made = this.#intern(positions);
    state.next[byteClass] = made;
    return made;
  }

  /** The state for some positions and those that are reached from them without reading a byte: stars may match none. */
  #intern(from: number[]): State {
    const reached = new Set<number>();
    for (let position of from) {
      reached.add(position);
      for (let kind = this.#kind(position); kind === 'star' || kind === 'globstar'; kind = this.#kind(position)) {
        position++;
        reached.add(position);
      }
    }
    const positions = [...reached].sort((a, b) => a - b);
    const key = positions.join();
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= limits.globStatesMax) {
      this.#states = new Map();
      this.#start = this.#intern(this.#startPositions);
    }
    const ended = positions.filter((position) => this.#tokens[position] === undefined).map((p) => this.#owners[p]);
    const state: State = {
      positions,
      next: [],
      matchesAny: ended.some((glob) => glob?.directoryOnly === false),
      matchesDirectory: ended.length > 0,
      coversDirectory: ended.some((glob) => glob?.coversDirectory),
    };
    this.#states.set(key, state);
    return state;
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
