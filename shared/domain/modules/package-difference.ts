/** Where the packages of a version are known from. */
export const packageSources = ['dpkg', 'sbom', 'manifest'] as const;

export type PackageSource = (typeof packageSources)[number];

/** Names with versions; several versions of one name are joined, null where none is known. */
export type PackageVersions = ReadonlyMap<string, string | null>;

export interface PackageDifference {
  /**
   * Records of dpkg in the layer, else the SBOMs, else the names in the manifests: the first that
   * both versions have.
   */
  source: PackageSource;
  added: { name: string; version: string | null }[];
  removed: { name: string; version: string | null }[];
  changed: { name: string; was: string | null; now: string | null }[];
}

/** Collects the versions of packages, of which one may be there in several. */
export function collectPackages(
  packages: Iterable<{ name: string; version: string | null }>,
): PackageVersions {
  const found = new Map<string, Set<string>>();
  for (const { name, version } of packages) {
    const versions = found.get(name) ?? new Set();
    found.set(name, version === null ? versions : versions.add(version));
  }
  return new Map([...found].map(([name, all]) => [name, [...all].sort().join(', ') || null]));
}

/** The packages that differ between two versions, sorted by name. */
export function comparePackages(
  source: PackageSource,
  before: PackageVersions,
  after: PackageVersions,
): PackageDifference {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const lacking = (one: PackageVersions, other: PackageVersions) =>
    names
      .filter((name) => one.has(name) && !other.has(name))
      .map((name) => ({ name, version: one.get(name) ?? null }));

  return {
    source,
    added: lacking(after, before),
    removed: lacking(before, after),
    changed: names
      .filter((name) => before.has(name) && after.has(name) && before.get(name) !== after.get(name))
      .map((name) => ({ name, was: before.get(name) ?? null, now: after.get(name) ?? null })),
  };
}
