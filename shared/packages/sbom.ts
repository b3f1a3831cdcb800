import { Enums, Models, Serialize, SPDX, Spec } from '@cyclonedx/cyclonedx-library';
import { PackageURL } from 'packageurl-js';
import { compareBytes } from '../domain/files/index.ts';
import { type InstalledPackage, packageKey } from './database.ts';

export interface SbomInput {
  module: { name: string; version: string | undefined; layerDigest: string };
  platform: { name: string; vendor: string; distribution: string };
  /** The packages of the layer. */
  packages: readonly InstalledPackage[];
  /** SPDX identifiers or names by package, of its copyright file. */
  licences: ReadonlyMap<string, readonly string[]>;
  /** SHA-256 of each .deb, hex, by `name:architecture`. */
  debs: ReadonlyMap<string, string>;
  /** SOURCE_DATE_EPOCH. */
  seconds: number;
}

/**
 * Writes the bill of materials of a layer as CycloneDX 1.6 JSON. The same input gives the same
 * bytes: no serial number, and the time of the source.
 */
export function formatSbom(input: SbomInput): string {
  const bom = new Models.Bom();
  bom.metadata.timestamp = new Date(input.seconds * 1000);
  bom.metadata.component = new Models.Component(
    Enums.ComponentType.OperatingSystem,
    input.module.name,
    {
      bomRef: 'module',
      ...(input.module.version === undefined ? {} : { version: input.module.version }),
      hashes: new Models.HashDictionary([
        [Enums.HashAlgorithm['SHA-256'], input.module.layerDigest.replace('sha256:', '')],
      ]),
      properties: new Models.PropertyRepository([
        new Models.Property('gantry:platform', input.platform.name),
      ]),
    },
  );

  const packages = [...input.packages].sort((a, b) => compareBytes(packageKey(a), packageKey(b)));
  for (const one of packages) bom.components.add(componentOf(one, input));

  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const text = new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 2 });
  return `${text}\n`;
}

function componentOf(one: InstalledPackage, input: SbomInput): Models.Component {
  const sha256 = input.debs.get(packageKey(one));
  const licences = input.licences.get(one.name) ?? [];
  const purl = packageUrl(one, input.platform);
  const summary = one.stanza.get('Description')?.split('\n', 1)[0];

  return new Models.Component(Enums.ComponentType.Library, one.name, {
    bomRef: purl,
    version: one.version,
    purl,
    ...(summary === undefined ? {} : { description: summary }),
    licenses: new Models.LicenseRepository(
      licences.map((name) =>
        SPDX.isSupportedSpdxId(name) ? new Models.SpdxLicense(name) : new Models.NamedLicense(name),
      ),
    ),
    hashes: new Models.HashDictionary(
      sha256 === undefined ? [] : [[Enums.HashAlgorithm['SHA-256'], sha256]],
    ),
    properties: new Models.PropertyRepository(
      sourceOf(one).map(([name, value]) => new Models.Property(name, value)),
    ),
  });
}

/** The source package, by which Debian's security tracker names faults. */
function sourceOf(one: InstalledPackage): [string, string][] {
  const source = one.stanza.get('Source');
  const [, name, version] = /^(\S+)(?:\s+\((.*)\))?$/.exec(source ?? '') ?? [];
  return [
    ['gantry:deb:source', name ?? one.name],
    ['gantry:deb:source-version', version ?? one.version],
  ];
}

/**
 * `pkg:deb/debian/redis-server@5%3A7.0.15-1?arch=amd64&distro=debian-12` (purl-spec, type deb).
 * Scanners know a distribution by name and number, not by its code name.
 */
export function packageUrl(
  { name, version, architecture }: { name: string; version: string; architecture: string },
  { vendor, distribution }: { vendor: string; distribution: string },
): string {
  const qualifiers = { arch: architecture, distro: distribution };
  return new PackageURL('deb', vendor, name, version, qualifiers).toString();
}
