import { badGlob } from './glob-error.ts';

/**
 * POSIX classes in the C locale. They contain no byte above 127, which is how rsync treats such
 * bytes in any UTF-8 locale.
 */
const posixClasses: Record<string, RegExp> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is the class of control characters.
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t-\r]/,
  upper: /[A-Z]/,
  xdigit: /[A-Fa-f0-9]/,
};

/**
 * Parses the bracket expression at `body[start]` as rsync's wildmatch does: a first `!` or `^`
 * negates, a first `]` is a member, `\` escapes, a `-` between two members is a range of bytes, and
 * `[:name:]` is a POSIX class.
 * @returns the members (1 at each byte that is one) and the index after the closing `]`
 */
export function parseClass(
  pattern: string,
  body: string,
  start: number,
): { members: Uint8Array; end: number } {
  const members = new Uint8Array(256);
  const unclosed = () =>
    badGlob(pattern, 'expected a "]" that closes the class; write "\\[" for a bracket itself');
  const negated = body[start + 1] === '!' || body[start + 1] === '^';

  let step: Step = { end: negated ? start + 2 : start + 1, low: undefined };
  do {
    const next = addMember(pattern, body, step, members);
    if (next === undefined) throw unclosed();
    step = next;
  } while (body[step.end] !== ']');

  return { members: negated ? members.map((member) => 1 - member) : members, end: step.end + 1 };
}

/** The state of reading a class. */
interface Step {
  /** The index after the last byte that was read. */
  end: number;
  /**
   * The member from which a following `-` starts a range. There is none after a range or a POSIX
   * class.
   */
  low: number | undefined;
}

/**
 * Adds the next member, range or POSIX class of a bracket expression. Returns undefined if the
 * expression is not closed.
 */
function addMember(
  pattern: string,
  body: string,
  { end: at, low }: Step,
  members: Uint8Array,
): Step | undefined {
  if (at >= body.length) return undefined;

  const posix = posixClassAt(body, at);
  if (posix !== undefined) {
    addPosixClass(pattern, members, posix.name);
    return { end: posix.end, low: undefined };
  }

  if (isRange(body, at, low)) {
    const high = escapable(body, at + 1);
    if (high === undefined) return undefined;
    members.fill(1, low, Math.max(low ?? 0, high.byte + 1));
    return { end: high.end, low: undefined };
  }

  const member = escapable(body, at);
  if (member === undefined) return undefined;

  members[member.byte] = 1;
  return { end: member.end, low: member.byte };
}

function isRange(body: string, at: number, low: number | undefined): boolean {
  return body[at] === '-' && low !== undefined && at + 1 < body.length && body[at + 1] !== ']';
}

/** Returns the byte at an index, or the byte after it if that byte is a backslash. */
function escapable(body: string, at: number): { byte: number; end: number } | undefined {
  const index = body[at] === '\\' ? at + 1 : at;
  return index < body.length ? { byte: body.charCodeAt(index), end: index + 1 } : undefined;
}

/**
 * Reads the `[:name:]` at an index. If no `:` precedes the next `]`, the `[` is an ordinary member.
 */
function posixClassAt(body: string, at: number): { name: string; end: number } | undefined {
  if (!body.startsWith('[:', at)) return undefined;
  const close = body.indexOf(']', at + 2);
  if (close <= at + 2 || body[close - 1] !== ':') return undefined;
  return { name: body.slice(at + 2, close - 1), end: close + 1 };
}

function addPosixClass(pattern: string, members: Uint8Array, name: string): void {
  const known = Object.hasOwn(posixClasses, name) ? posixClasses[name] : undefined;
  if (known === undefined) {
    const names = Object.keys(posixClasses).join(', ');
    throw badGlob(pattern, `expected one of the classes ${names}, found [:${name}:]`);
  }

  for (let byte = 0; byte < 128; byte++)
    if (known.test(String.fromCharCode(byte))) members[byte] = 1;
}
