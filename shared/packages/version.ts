/**
 * Compares two versions of Debian packages (deb-version(7)): the epoch as a number, then the
 * upstream version, then the revision. A tilde sorts before everything, even before the end.
 * @returns a negative number, 0, or a positive number
 */
export function compareDebianVersions(a: string, b: string): number {
  const [left, right] = [splitVersion(a), splitVersion(b)];
  return (
    left.epoch - right.epoch ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision)
  );
}

function splitVersion(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');

  return {
    epoch: colon === -1 ? 0 : Number(version.slice(0, colon)),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? '' : rest.slice(dash + 1),
  };
}

/** Compares runs of other characters and runs of digits in turn. */
function comparePart(a: string, b: string): number {
  let [left, right] = [a, b];

  while (left !== '' || right !== '') {
    const [leftText, rightText] = [leading(left, /^[^0-9]*/), leading(right, /^[^0-9]*/)];
    const text = compareText(leftText, rightText);
    if (text !== 0) return text;

    left = left.slice(leftText.length);
    right = right.slice(rightText.length);
    const [leftDigits, rightDigits] = [leading(left, /^[0-9]*/), leading(right, /^[0-9]*/)];
    const number = compareNumbers(leftDigits, rightDigits);
    if (number !== 0) return number;

    left = left.slice(leftDigits.length);
    right = right.slice(rightDigits.length);
  }

  return 0;
}

const leading = (text: string, pattern: RegExp): string => pattern.exec(text)?.[0] ?? '';

/** Digits may exceed what a number holds, as dates with times do. */
function compareNumbers(a: string, b: string): number {
  const difference = BigInt(a || '0') - BigInt(b || '0');
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
}

function compareText(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = weightAt(a, at) - weightAt(b, at);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** `~` sorts before the end, the end before letters, letters before everything else. */
function weightAt(text: string, at: number): number {
  const character = text[at];
  if (character === undefined) return 0;
  if (character === '~') return -1;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}
