import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { TreeEntry } from '../../domain/files/index.ts';
import {
  type ComparedEntry,
  type ComparedVersion,
  compareManifests,
  type PackageDifference,
  type Version,
  type VersionBuild,
  type VersionDifference,
} from '../../domain/modules/index.ts';
import { compareTrees } from '../../files/index.ts';
import type { Services } from '../context/index.ts';
import { readFileIndex } from '../files/index.ts';
import { requireVersion } from './require-module.ts';
import { diffPackages } from './version-packages.ts';

/**
 * How two versions of one module differ: files with their attributes, packages, manifest and sizes.
 * Throws `not_found`, and `invalid_request` for versions of two modules, or a platform that one of
 * them has no build for.
 */
export async function diffVersions(
  services: Services,
  account: string,
  asked: { from: string; to: string; platform?: string },
): Promise<VersionDifference> {
  const [from, to] = await Promise.all(
    [asked.from, asked.to].map((id) => requireVersion(services, account, id)),
  );
  if (from === undefined || to === undefined || from.module !== to.module) {
    throw new GantryError(
      'invalid_request',
      `expected two versions of one module, found versions of ${from?.module} and ${to?.module}`,
      { field: 'to' },
    );
  }

  const platform = asked.platform ?? sharedPlatform(from, to);
  const [old, fresh] = [requireBuild(from, platform), requireBuild(to, platform)];
  const [before, after] = await Promise.all(
    [old, fresh].map(({ file_index_key }) => readFileIndex(services.objects, file_index_key)),
  );
  const { added, removed, changed } = compareTrees(before ?? [], after ?? []);
  const max = limits.previewListMax;
  const packages = await diffPackages(
    services,
    { version: from, build: old, files: before ?? [] },
    { version: to, build: fresh, files: after ?? [] },
  );

  return {
    module: from.module,
    from: factsOf(from, old),
    to: factsOf(to, fresh),
    platform,
    files: {
      added: added.slice(0, max).map(shown),
      removed: removed.slice(0, max).map(shown),
      changed: changed
        .slice(0, max)
        .map((one) => ({ ...one, before: shown(one.before), after: shown(one.after) })),
    },
    counts: { added: added.length, removed: removed.length, changed: changed.length },
    packages: cutPackages(packages),
    manifest: compareManifests(from.manifest, to.manifest).sort(byField),
  };
}

/** The first platform that both versions have a build for. */
function sharedPlatform(from: Version, to: Version): string {
  const names = (version: Version) => version.builds.map(({ platform }) => platform);
  const shared = names(to).find((name) => names(from).includes(name));
  if (shared !== undefined) return shared;

  throw new GantryError(
    'invalid_request',
    `expected versions with a build for one platform, found builds for ${names(from).join(', ')} and for ${names(to).join(', ')}`,
    { field: 'platform' },
  );
}

function requireBuild({ module, version_string, builds }: Version, platform: string): VersionBuild {
  const build = builds.find((one) => one.platform === platform);
  if (build !== undefined) return build;

  const expected = builds.map((one) => one.platform);
  throw new GantryError(
    'invalid_request',
    `expected a platform that ${module} ${version_string} has a build for (${expected.join(', ')}), found ${platform}`,
    { field: 'platform', expected, found: platform },
  );
}

function factsOf(
  { id, version_string, digest, promotion_state }: Version,
  { layer_size }: VersionBuild,
): ComparedVersion {
  return { version_id: id, version: version_string, digest, promotion_state, layer_size };
}

function shown({ path, type, mode, uid, gid, size }: TreeEntry): ComparedEntry {
  return { path, type, mode, uid, gid, size };
}

function cutPackages({ source, added, removed, changed }: PackageDifference): PackageDifference {
  const max = limits.previewListMax;
  return {
    source,
    added: added.slice(0, max),
    removed: removed.slice(0, max),
    changed: changed.slice(0, max),
  };
}

function byField(a: { field: string }, b: { field: string }): number {
  return a.field < b.field ? -1 : 1;
}
