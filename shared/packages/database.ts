import { compareBytes } from '../domain/files/index.ts';
import { parseStanzas, type Stanza } from './deb822.ts';

/** Where dpkg keeps the state of all packages of a tree. */
export const statusPath = '/var/lib/dpkg/status';

/** An installed package, as dpkg's database states it. */
export interface InstalledPackage {
  name: string;
  version: string;
  architecture: string;
  /** The whole paragraph of the database. */
  stanza: Stanza;
}

/**
 * Parses dpkg's status database: the installed packages, sorted by name and architecture. Packages
 * that are only configuration or half installed are left out.
 * @throws GantryError `io_error`
 */
export function parseStatus(text: string): InstalledPackage[] {
  return parseStanzas(text, statusPath)
    .filter((stanza) => stanza.get('Status')?.endsWith(' installed'))
    .map((stanza) => ({
      name: stanza.get('Package') ?? '',
      version: stanza.get('Version') ?? '',
      architecture: stanza.get('Architecture') ?? '',
      stanza,
    }))
    .sort((a, b) => compareBytes(packageKey(a), packageKey(b)));
}

/** `redis:amd64`: what identifies a package in a tree, where several architectures may be. */
export function packageKey({ name, architecture }: { name: string; architecture: string }): string {
  return `${name}:${architecture}`;
}

/** The packages of a tree that its base does not have, or has in another version. */
export function packagesOfLayer(
  base: readonly InstalledPackage[],
  full: readonly InstalledPackage[],
): InstalledPackage[] {
  const known = new Map(base.map((one) => [packageKey(one), one.version]));
  return full.filter((one) => known.get(packageKey(one)) !== one.version);
}
