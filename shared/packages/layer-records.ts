import { type InstalledPackage, packageKey } from './database.ts';
import { formatStanza, parseStanzas } from './deb822.ts';
import { type LockedPackage, parseRecordedPackage } from './lock.ts';

/** Where a layer keeps the state of its own packages, a file a package. */
export const recordsDirectory = '/var/lib/dpkg/status.d';

/** The field of a record that names the .deb: its path in the archive, size and SHA-256. */
const archiveField = 'Archive-File';

/**
 * The files that record packages in a layer: path → content. Packages that may be installed for
 * several architectures have theirs in the name, as dpkg's own info files do.
 * @param debs the closure that was installed, so that each record names its .deb
 */
export function recordFiles(
  packages: readonly InstalledPackage[],
  debs: readonly LockedPackage[],
): Map<string, string> {
  const places = new Map(
    debs.map((deb) => [packageKey(deb), `${deb.path} ${deb.size} ${deb.sha256}`]),
  );

  return new Map(
    packages.map((one) => {
      const isShared = one.stanza.get('Multi-Arch') === 'same';
      const name = isShared ? packageKey(one) : one.name;
      const place = places.get(packageKey(one));
      const stanza =
        place === undefined ? one.stanza : new Map([...one.stanza, [archiveField, place]]);
      return [`${recordsDirectory}/${name}`, formatStanza(stanza)];
    }),
  );
}

/** A package that a layer records, and its .deb where the record names it. */
export interface RecordedPackage {
  name: string;
  version: string;
  architecture: string;
  deb: LockedPackage | undefined;
}

/**
 * Reads a record of a layer.
 * @throws GantryError `artifact_invalid`, `io_error` for a text of another format
 */
export function readRecord(text: string, path: string): RecordedPackage {
  const [stanza = new Map<string, string>()] = parseStanzas(text, path);
  const field = (name: string) => stanza.get(name) ?? '';
  const [place, size, sha256] = field(archiveField).split(' ');
  const isNamed = stanza.has(archiveField);

  const deb = parseRecordedPackage(
    {
      name: field('Package'),
      version: field('Version'),
      architecture: field('Architecture'),
      // Without the field, only the names are checked.
      ...(isNamed
        ? { path: place, size: Number(size), sha256 }
        : { path: 'unknown.deb', size: 1, sha256: '0'.repeat(64) }),
    },
    path,
  );
  const { name, version, architecture } = deb;
  return { name, version, architecture, deb: isNamed ? deb : undefined };
}
