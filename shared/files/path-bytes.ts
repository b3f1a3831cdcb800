/**
 * Paths as an automaton over bytes: absolute, without components that are empty, `.` or `..`, UTF-8
 * without NUL. Both sides of a comparison of globs are limited to such paths. So globs that differ
 * only in impossible paths count as equal. Lengths (NAME_MAX, PATH_MAX) are not checked.
 */

const slash = 0x2f;
const dot = 0x2e;

/** The state of a path after some bytes. */
export type PathState = number;

/** Nothing read yet. */
export const pathStart: PathState = 0;
/** The number of states: all are below this number. */
export const pathStates = 12;

const afterSlash = 1;
const afterDot = 2;
const afterTwoDots = 3;
const inName = 4;
/**
 * Inside a character of two or more bytes (RFC 3629, section 4): how many bytes follow, or the
 * bounds of the second.
 */
const oneMore = 5;
const twoMore = 6;
const threeMore = 7;
const afterE0 = 8;
const afterEd = 9;
const afterF0 = 10;
const afterF4 = 11;
const none = -1;

/** A path may end here. The root does not count as a path, because no glob ever matches it. */
export function mayEnd(state: PathState): boolean {
  return state === inName;
}

/** The state after one more byte, or -1 if no path continues with it. */
export function afterPathByte(state: PathState, byte: number): PathState {
  switch (state) {
    case pathStart:
      return byte === slash ? afterSlash : none;
    case oneMore:
      return within(byte, 0x80, 0xbf, inName);
    case twoMore:
      return within(byte, 0x80, 0xbf, oneMore);
    case threeMore:
      return within(byte, 0x80, 0xbf, twoMore);
    case afterE0:
      return within(byte, 0xa0, 0xbf, oneMore);
    case afterEd:
      return within(byte, 0x80, 0x9f, oneMore);
    case afterF0:
      return within(byte, 0x90, 0xbf, twoMore);
    case afterF4:
      return within(byte, 0x80, 0x8f, twoMore);
    default:
      return atCharacter(state, byte);
  }
}

function within(byte: number, from: number, to: number, next: PathState): PathState {
  return byte >= from && byte <= to ? next : none;
}

function atCharacter(state: PathState, byte: number): PathState {
  if (byte === slash) return state === inName ? afterSlash : none;
  if (byte === dot && state === afterSlash) return afterDot;
  if (byte === dot && state === afterDot) return afterTwoDots;

  return afterLead[byte] as PathState;
}

/** First bytes whose second byte has tighter bounds than 0x80 to 0xbf. */
const leadsWithBounds: ReadonlyMap<number, PathState> = new Map([
  [0xe0, afterE0],
  [0xed, afterEd],
  [0xf0, afterF0],
  [0xf4, afterF4],
]);

/** The state after each byte that begins a character (RFC 3629, section 4). */
const afterLead: readonly PathState[] = Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0) return none;
  if (byte < 0x80) return inName;
  if (byte < 0xc2 || byte > 0xf4) return none;
  if (byte < 0xe0) return oneMore;

  return leadsWithBounds.get(byte) ?? (byte < 0xf0 ? twoMore : threeMore);
});
