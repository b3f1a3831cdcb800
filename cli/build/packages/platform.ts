import { GantryError } from '../../../shared/base/error.ts';
import { listNearest } from '../../../shared/base/nearest.ts';
import { type BasePlatform, basePlatforms } from '../../../shared/domain/modules/index.ts';

/** Flags that say where packages come from. */
export interface PlatformFlags {
  /** Replaces the archives: `<url>` of the platform's suite, or `<url> <suite>`. */
  mirrors?: readonly string[];
  keyring?: string | undefined;
}

/** The platform of a build that names none: this machine's architecture of Debian 12. */
export function defaultPlatform(): string {
  return `debian-12-${machineArchitecture()}`;
}

/** Debian's name of this machine's architecture. */
export function machineArchitecture(): string {
  return process.arch === 'arm64' ? 'arm64' : 'amd64';
}

/**
 * Finds a platform by its name, with the archives and keys that the flags give.
 * @throws GantryError `platform_unknown`
 */
export function findPlatform(name: string, { mirrors = [], keyring }: PlatformFlags): BasePlatform {
  const known = basePlatforms.get(name);
  if (known === undefined) {
    const near = listNearest(name, [...basePlatforms.keys()]);
    const message = `expected a platform with packages, found ${JSON.stringify(name)}; known are ${near}`;
    throw new GantryError('platform_unknown', message, { field: 'platform', found: name });
  }

  const archives = mirrors.map((text) => {
    const [mirror = '', suite = known.suite] = text.trim().split(/\s+/);
    return { mirror, suite };
  });

  return {
    ...known,
    ...(archives.length > 0 ? { archives } : {}),
    ...(keyring === undefined ? {} : { keyring }),
  };
}
