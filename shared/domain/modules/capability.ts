import semver from 'semver';

const tag = '[a-z0-9]+(?:[._:-]+[a-z0-9]+)*';
const version = '[0-9]+(?:\\.[0-9]+)*(?:[.-][A-Za-z0-9]+)*';

/** A capability's name: `http-server`, `base-os:ubuntu-24.04`, `http.port:80`. */
export const capabilityPattern = new RegExp(`^${tag}$`);

/** An entry of `dependencies.provides`: a capability, with its version after an `@`. */
export const providedPattern = new RegExp(`^${tag}(?:@${version})?$`);

/** How a requirement says that it means a capability, never a module. */
export const capabilityPrefix = 'capability:';

/** A capability that a version of a module offers. */
export interface Provided {
  capability: string;
  /** As a semantic version; null if the module states none. */
  version: string | null;
}

/** Splits an entry of `dependencies.provides` that matches `providedPattern`. */
export function splitProvided(entry: string): Provided {
  const [capability = '', stated] = entry.split('@');
  return { capability, version: stated === undefined ? null : toSemver(stated) };
}

/**
 * Writes the versions of a constraint as npm reads them: `>= 24.04` → `>= 24.4`. Capabilities have
 * versions with leading zeros, and with more than three numbers, of which the first three count.
 */
export function normaliseVersions(range: string): string {
  return range.replaceAll(/(?<![\w.-])\d+(?:[.-][0-9A-Za-z]+)*/g, (written) =>
    /\.[xX](?:\.|$)/.test(written) ? written : normaliseVersion(written),
  );
}

function normaliseVersion(written: string): string {
  const { numbers, rest } = readVersion(written);
  return rest === '' ? numbers.join('.') : toSemver(written);
}

/**
 * Whether only one module of a composition may provide a capability: `*.port:*`, because a port of
 * a machine has one listener.
 */
export function isExclusive(capability: string): boolean {
  return /^.+\.port:.+$/.test(capability);
}

/** `1.26` → `1.26.0`, `3.4.1.2` → `3.4.1`, `16-rc1` → `16.0.0-rc1`. */
function toSemver(stated: string): string {
  const { numbers, rest } = readVersion(stated);
  const [major = '0', minor = '0', patch = '0'] = numbers;
  const core = `${major}.${minor}.${patch}`;

  return (rest !== '' && semver.valid(`${core}-${rest}`)) || core;
}

/** The first three numbers of a version, without leading zeros, and what follows all of them. */
function readVersion(text: string): { numbers: string[]; rest: string } {
  const [, numbers = '0', rest = ''] = /^(\d+(?:\.\d+)*)[.-]?(.*)$/.exec(text) ?? [];
  const first = numbers.split('.').slice(0, 3);
  return { numbers: first.map((one) => `${BigInt(one)}`), rest };
}
