import { limits } from '../../../base/limits/index.ts';
import type { Version } from '../../../domain/modules/index.ts';
import {
  type ContentDifference,
  compareLists,
  manifestFacts,
  packageLines,
} from '../../../domain/operations/index.ts';
import { getVersion } from '../../../store/modules/index.ts';
import type { Services } from '../../context/index.ts';
import { readFileIndex } from '../../files/index.ts';
import { diffPackages } from '../../modules/index.ts';
import type { BroughtVersion } from '../changes/change-kind.ts';

/** The differences between a version and the one that it replaces. */
export async function contentOf(
  services: Services,
  brought: BroughtVersion | undefined,
): Promise<ContentDifference | null> {
  if (brought === undefined || brought.replaces === null) return null;
  const [old, fresh] = await Promise.all(
    [brought.replaces, brought.version_id].map((id) =>
      getVersion(services.db, brought.account, id),
    ),
  );
  if (!old || !fresh || old.id === fresh.id) return null;

  const [before, after] = await Promise.all([old, fresh].map((one) => filesOf(services, one)));
  const max = limits.reviewedListMax;
  return {
    files: compareLists(before ?? new Map(), after ?? new Map(), max),
    packages: await packagesOf(services, old, fresh),
    manifest: manifestFacts(old.manifest, fresh.manifest),
  };
}

/** The packages that differ in the first build that both versions have. */
async function packagesOf(
  services: Services,
  old: Version,
  fresh: Version,
): Promise<ContentDifference['packages']> {
  const build = fresh.builds.find(({ platform }) =>
    old.builds.some((one) => one.platform === platform),
  );
  const earlier = old.builds.find(({ platform }) => platform === build?.platform);
  if (build === undefined || earlier === undefined)
    return { added: [], removed: [], changed: [], more: 0 };

  const filesIn = (key: string) => readFileIndex(services.objects, key);
  const difference = await diffPackages(
    services,
    { version: old, build: earlier, files: await filesIn(earlier.file_index_key) },
    { version: fresh, build, files: await filesIn(build.file_index_key) },
  );
  return packageLines(difference, limits.reviewedListMax);
}

/** Each file of every build with what identifies it, without its time. */
async function filesOf(
  { objects }: Services,
  { builds }: Version,
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const { platform, file_index_key } of builds) {
    for (const entry of await readFileIndex(objects, file_index_key)) {
      const { mtime: _, mtime_ns: __, offset: ___, path, ...rest } = entry;
      const name = builds.length === 1 ? path : `${path} (${platform})`;
      files.set(name, JSON.stringify(rest));
    }
  }
  return files;
}
