import { readPackages } from '../../attestation/index.ts';
import { isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { parseStrictJson } from '../../base/strict-json.ts';
import type { TreeEntry } from '../../domain/files/index.ts';
import {
  chooseSbom,
  collectPackages,
  comparePackages,
  type PackageDifference,
  type PackageSource,
  type PackageVersions,
  packageSources,
  type Version,
  type VersionBuild,
} from '../../domain/modules/index.ts';
import { getBytes, objectKeys } from '../../store/objects.ts';
import type { Services } from '../context/index.ts';
import { documentsOf } from './attestations.ts';

/** A build of a version, with the files that it ships. */
export interface BuildWithFiles {
  version: Version;
  build: VersionBuild;
  files: readonly TreeEntry[];
}

/** How the packages of two builds differ, by the first source that both have. */
export async function diffPackages(
  services: Services,
  before: BuildWithFiles,
  after: BuildWithFiles,
): Promise<PackageDifference> {
  for (const source of packageSources) {
    const read = readers[source];
    const [old, fresh] = [await read(services, before), await read(services, after)];
    if (old !== null && fresh !== null) return comparePackages(source, old, fresh);
  }
  return comparePackages('manifest', new Map(), new Map());
}

type Reader = (services: Services, one: BuildWithFiles) => Promise<PackageVersions | null>;

const readers: Readonly<Record<PackageSource, Reader>> = {
  dpkg: readFragments,
  sbom: readSbomPackages,
  manifest: async (_, { version }) =>
    collectPackages(version.manifest.package_spec.map((name) => ({ name, version: null }))),
};

/** Where a layer has the records of its packages, a file a package. */
const fragments = '/var/lib/dpkg/status.d/';

/**
 * Reads the records of dpkg in a layer. They lie beside each other in the tar, so one read gets
 * all. Null for a layer without any, or with more than is read.
 */
async function readFragments(
  { objects }: Services,
  { version, build, files }: BuildWithFiles,
): Promise<PackageVersions | null> {
  const found = files.flatMap(({ path, offset, size }) =>
    path.startsWith(fragments) && offset !== undefined ? [{ offset, size }] : [],
  );
  // A layer may have more files than a call takes arguments.
  const start = found.reduce((first, { offset }) => Math.min(first, offset), Infinity);
  const length = found.reduce((last, one) => Math.max(last, one.offset + one.size), 0) - start;
  if (found.length === 0 || length > limits.packageRecordsBytesMax) return null;

  const key = objectKeys.artifact(version.account, build.layer_digest);
  const bytes = Buffer.from(await getBytes(objects, key, { start, length }));
  const records = found.map(({ offset, size }) =>
    bytes.subarray(offset - start, offset - start + size).toString('utf8'),
  );

  return collectPackages(records.flatMap(readRecord));
}

/** Other files may lie beside the records, such as lists of checksums. */
function readRecord(text: string): { name: string; version: string | null }[] {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(\\S+)`, 'm').exec(text)?.[1];
  const name = field('Package');
  return name === undefined ? [] : [{ name, version: field('Version') ?? null }];
}

async function readSbomPackages(
  { objects }: Services,
  { version, build }: BuildWithFiles,
): Promise<PackageVersions | null> {
  const sbom = chooseSbom(documentsOf(version), build.platform);
  if (sbom === null || sbom.digest === null) return null;

  try {
    const bytes = await getBytes(objects, objectKeys.document(version.account, sbom.digest));
    const packages = readPackages(parseStrictJson(bytes))?.packages;
    return packages === undefined ? null : collectPackages(packages);
  } catch (error) {
    if (error instanceof SyntaxError || isGantryError(error, 'not_found')) return null;
    throw error;
  }
}
