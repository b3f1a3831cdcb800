import { limits } from '../../../base/limits/index.ts';
import type { Version } from '../../../domain/modules/index.ts';
import {
  type ContentDifference,
  compareLists,
  manifestFacts,
} from '../../../domain/operations/index.ts';
import { readFileIndex } from '../../../store/ingest/index.ts';
import { getVersion } from '../../../store/modules/index.ts';
import type { Services } from '../../context/index.ts';
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
  const packages = ({ manifest }: Version) =>
    new Map(manifest.package_spec.map((name) => [name, name]));

  return {
    files: compareLists(before ?? new Map(), after ?? new Map(), max),
    packages: compareLists(packages(old), packages(fresh), max),
    manifest: manifestFacts(old.manifest, fresh.manifest),
  };
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
