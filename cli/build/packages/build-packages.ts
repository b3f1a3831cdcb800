import { GantryError } from '../../../shared/base/error.ts';
import { listSome } from '../../../shared/base/list-some.ts';
import { compileGlob, GlobMatcher, selectFiles } from '../../../shared/files/index.ts';
import { buildMask, type ModuleManifest } from '../../../shared/manifest/index.ts';
import {
  type Accounts,
  compareLocked,
  idTableName,
  type LayerPlan,
  type LockDifference,
  type LockedPackage,
  type LockSection,
  planLayer,
  withLockedIds,
} from '../../../shared/packages/index.ts';
import { readBuildFiles, writeBuildFiles } from './build-files.ts';
import { cacheDirectory, DebCache, type DebSource, mirrorSource } from './deb-cache.ts';
import { requireArchitecture } from './emulation.ts';
import { makeTrees, type Trees } from './make-trees.ts';
import { findPlatform, type PlatformFlags } from './platform.ts';
import type { ArtifactReader, RequiredModule } from './required-modules.ts';
import { resolveLock } from './resolve-lock.ts';
import { accountsOf, packagesOf, type TreeFacts } from './tree-facts.ts';

export interface PackageOptions extends PlatformFlags {
  /** The name of the platform. */
  platform: string;
  /** `--require <module>=<directory or reference>`. */
  given?: ReadonlyMap<string, string>;
  /** Reads the modules that `given` names by a reference. */
  readArtifact?: ArtifactReader;
  updateLock?: boolean;
  /** Undefined keeps what the lock says. */
  carve?: boolean | undefined;
  /** Where the account's table of ids is; found beside or above the module by default. */
  ids?: string | undefined;
  /** Where packages and bases are kept; the user's cache by default. */
  cache?: string;
  /** Further places of packages, asked first. */
  sources?: readonly DebSource[];
  /** Saves the packages of the lock, for the day on which no archive has them. */
  save?: (debs: readonly LockedPackage[], cache: DebCache) => Promise<unknown>;
  onStep?: (step: string) => void;
}

/** The package part of a layer, while the directory of the build exists. */
export interface PackageBuild {
  plan: LayerPlan;
  trees: Trees;
  section: LockSection;
  required: RequiredModule[];
  /** What changed in the closure, where a lock was made again. */
  lockChanges: LockDifference | undefined;
  /** Users and groups of the whole tree. */
  accounts: Accounts;
  warnings: string[];
}

/**
 * Installs the packages of a manifest and decides what of them ships. Writes `module.lock.json` and
 * `ids.yaml` when they change.
 */
export async function buildPackages(
  directory: string,
  manifest: ModuleManifest,
  options: PackageOptions & { work: string; out: string },
): Promise<PackageBuild> {
  const base = findPlatform(options.platform, options);
  await requireArchitecture(base.architecture);
  const files = await readBuildFiles(directory, options.ids);
  const cache = options.cache ?? cacheDirectory();
  const debs = new DebCache(cache);
  const mirrors = [...new Set(base.archives.map(({ mirror }) => mirror))].map(mirrorSource);
  const sources = [...(options.sources ?? []), ...mirrors];
  const onStep = options.onStep ?? (() => {});
  const locked = files.lock.platforms[options.platform];
  const carve = options.carve ?? locked?.options.carve ?? false;

  const resolved = await resolveLock({
    directory,
    manifest,
    platform: options.platform,
    base,
    given: options.given ?? new Map(),
    readArtifact: options.readArtifact,
    locked,
    updateLock: options.updateLock ?? false,
    carve,
    work: options.work,
    debs,
    sources,
    onStep,
  });

  await debs.fill([...resolved.section.base, ...resolved.section.packages], sources, (share) =>
    onStep(`downloading packages ${Math.floor(share * 100)} %`),
  );

  if (options.save !== undefined) {
    onStep('saving packages');
    await options.save(resolved.section.packages, debs);
  }

  const trees = await makeTrees({
    section: resolved.section,
    ids: withLockedIds(files.ids, resolved.section.accounts),
    work: options.work,
    cache: { directory: cache, debs },
    onStep,
  });

  const section = { ...resolved.section, options: { carve }, accounts: trees.accounts };
  const platforms = { ...files.lock.platforms, [options.platform]: section };
  const lock = { lock_version: 1 as const, platforms };
  const written = await writeBuildFiles({ ...files, lock, ids: trees.ids }, options.out);

  const plan = planPackages(manifest, trees, section);
  refuseProtected(plan, resolved.required);
  return {
    plan,
    trees,
    section,
    required: resolved.required,
    lockChanges:
      resolved.isNew && locked !== undefined
        ? compareLocked(locked.packages, section.packages)
        : undefined,
    accounts: accountsOf(trees.full),
    warnings: [
      ...written,
      ...planWarnings(plan, trees, manifest.carve_waivers),
      ...updateWarnings(resolved.section),
      ...unverifiedWarnings(resolved.required),
    ],
  };
}

function planPackages(
  manifest: ModuleManifest,
  trees: Trees,
  { options: { carve }, packages: debs }: LockSection,
): LayerPlan {
  return planLayer({
    module: manifest.name,
    base: trees.base && stateOf(trees.base),
    full: stateOf(trees.full),
    shipped: trees.full.shipped,
    mask: buildMask(manifest),
    debs,
    carve: carve ? manifest.file_spec : undefined,
  });
}

function stateOf(facts: TreeFacts) {
  return { entries: facts.entries, packages: packagesOf(facts), accounts: accountsOf(facts) };
}

function refuseProtected(plan: LayerPlan, required: readonly RequiredModule[]): void {
  for (const { name, manifest } of required) {
    const protection = new GlobMatcher(manifest.protected_spec.map(compileGlob));
    const paths = plan.entries
      .filter(({ path, type }) => type !== 'directory' && protection.matches(path, false))
      .map(({ path }) => path);
    if (paths.length === 0) continue;

    const message = `expected packages that ship no file which ${name} protects, found ${listSome(paths)}; leave them out with mask: [${JSON.stringify(paths[0])}]`;
    throw new GantryError('file_protected', message, { field: 'mask', found: paths });
  }
}

function planWarnings(plan: LayerPlan, trees: Trees, waivers: readonly string[] = []): string[] {
  const { base, misplaced } = trees;
  const waived = new Set(selectFiles(plan.carved, { file_spec: waivers, mask: [] }));
  const carved = plan.carved.filter((path) => !waived.has(path));

  return [
    ...(base === undefined
      ? ['no required module has packages, so the layer has the essential system too']
      : []),
    ...(plan.removed.length > 0
      ? [
          `packages remove files of the required modules, which a layer cannot: ${listSome(plan.removed)}`,
        ]
      : []),
    ...(misplaced.length > 0
      ? [
          `scripts gave other ids than ${idTableName} to ${listSome(misplaced)}; their files may belong to another user on machines`,
        ]
      : []),
    ...(carved.length > 0
      ? [
          `--carve leaves out ${carved.length} files of packages that file_spec does not name, such as ${listSome(carved, 3)}`,
        ]
      : []),
  ];
}

/** A newer library of the base travels in this layer, and replaces the base's on every machine. */
function updateWarnings({ base, packages }: LockSection): string[] {
  const versions = new Map(base.map((one) => [`${one.name}:${one.architecture}`, one.version]));
  const newer = packages.filter((one) => {
    const known = versions.get(`${one.name}:${one.architecture}`);
    return known !== undefined && known !== one.version;
  });
  if (newer.length === 0) return [];

  const names = listSome(newer.map(({ name, version }) => `${name} ${version}`));
  return [
    `the layer replaces packages of the required modules: ${names}; update their locks to avoid it`,
  ];
}

function unverifiedWarnings(required: readonly RequiredModule[]): string[] {
  return required.flatMap(({ name, unverified }) =>
    unverified === undefined ? [] : [`nobody verified the signature of ${name}: ${unverified}`],
  );
}
