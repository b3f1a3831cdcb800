import semver from 'semver';

/** The longest constraint: semver itself refuses versions beyond 256 characters. */
const rangeLengthMax = 256;

/** The versions that a constraint allows. */
export interface VersionRange {
  allows(version: string): boolean;
}

/**
 * Parses a constraint: an npm-style semver range, in which Ruby's operators are read as well.
 * `~> 1.2` allows 1.2.0 up to 2.0.0, `~> 1.2.3` up to 1.3.0; `!= 1.2.3` excludes that version; a
 * comma stands for a space. Everything else has npm's meaning, so `=1.2` allows every 1.2.x, with
 * one exception: a version alone allows that version only, build metadata included. npm ignores
 * what follows the `+`, so `1.0.0+b1` would allow every build of 1.0.0. A range with build metadata
 * cannot tell builds apart either, so it is none. Returns null for any other text.
 */
export function parseVersionRange(text: string): VersionRange | null {
  if (text.length > rangeLengthMax || text.trim() === '') return null;
  const alternatives = text.split('||').map(parseAlternative);
  if (alternatives.includes(null)) return null;

  return {
    allows: (version) => alternatives.some((one) => one?.allows(version)),
  };
}

/** The form of constraint to write in place of a text that is none. */
export function expectedRange(text: string): string {
  return text.includes('+')
    ? 'one version alone such as 1.0.0+b1, or a version range without build metadata'
    : 'a version range such as ^1.0';
}

/** The version string that a constraint names, if it names a single one: `=v1.0.0+b1`. */
export function namedVersion(constraint: string): string | null {
  const [, version = ''] = /^\s*=?\s*v?(\d\S*)\s*$/.exec(constraint) ?? [];
  return semver.valid(version) === null ? null : version;
}

function parseAlternative(text: string): VersionRange | null {
  const named = namedVersion(text);
  if (named !== null) return { allows: (version) => version === named };
  if (text.includes('+')) return null;

  const excluded: string[] = [];
  const npm = text
    .replaceAll(',', ' ')
    .replaceAll(/!=\s*(\S*)/g, (_, version: string) => {
      excluded.push(version);
      return ' ';
    })
    .replaceAll(/~>\s*(\S+)/g, (written, version: string) => pessimistic(version) ?? written);

  const without = excluded.map(padVersion);
  if (without.includes(null) || semver.validRange(npm) === null) return null;

  const range = new semver.Range(npm);
  return {
    allows: (version) =>
      range.test(version) && !without.some((one) => one !== null && semver.eq(one, version)),
  };
}

/** Ruby's `~>`: of the numbers that are written, the last but one stays. Null for no version. */
function pessimistic(text: string): string | null {
  const lowest = padVersion(text);
  if (lowest === null) return null;

  const hasPatch = /^\d+\.\d+\.\d+/.test(text);
  const end = semver.inc(lowest.replace(/-.*$/, ''), hasPatch ? 'minor' : 'major');
  return `>=${lowest} <${end}-0`;
}

/** `1.2` → `1.2.0`; null for any other text. */
function padVersion(text: string): string | null {
  const [, major, minor = '0', patch = '0', rest = ''] =
    /^(\d+)(?:\.(\d+)(?:\.(\d+)(-\S+)?)?)?$/.exec(text) ?? [];
  return major === undefined ? null : semver.valid(`${major}.${minor}.${patch}${rest}`);
}
