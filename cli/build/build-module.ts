import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { composefsImage } from '../../shared/composefs/index.ts';
import {
  formatManifestJson,
  listUnmatched,
  type ModuleManifest,
} from '../../shared/manifest/index.ts';
import type { LockDifference, LockedPackage } from '../../shared/packages/index.ts';
import { applyAttributes, lostModes, readAttributes } from './attributes.ts';
import { buildDocuments, readVex } from './documents.ts';
import { type GeneratedFile, type GeneratedPreview, previewGenerated } from './generated-files.ts';
import { layerContent } from './layer-content.ts';
import { lines, outputNames, writeOutputs, writeTar } from './outputs.ts';
import { readBuildFiles } from './packages/build-files.ts';
import {
  buildPackages,
  type PackageBuild,
  type PackageOptions,
} from './packages/build-packages.ts';
import { withWorkDirectory } from './packages/work-directory.ts';
import { inheritSpec } from './parent.ts';
import { type BuildPlan, planModule } from './plan.ts';
import { readManifest } from './read-manifest.ts';
import { readRootfs, type SourceEntry } from './rootfs.ts';
import { type SourceDate, sourceDate } from './source-date.ts';

export interface BuildOptions {
  /** The module repository: holds `manifest.yaml` and `rootfs/`. */
  directory: string;
  /** Directory of the results; created if missing. */
  out: string;
  /** Stop before packages and the module tar. */
  dryRun: boolean;
  /**
   * Build without the packages of `package_spec`, and without listing them in the built manifest.
   */
  rootfsOnly?: boolean;
  /** How packages are built; without it, a manifest with packages is refused. */
  packages?: PackageOptions;
  /** A VEX document, or `grype`. */
  vex?: string | undefined;
  /** Repository or manifest of the parent module; by default, the directory of that name beside. */
  parent?: string | undefined;
  /** SOURCE_DATE_EPOCH of the environment. */
  sourceDateEpoch?: string | undefined;
}

export interface BuildResult {
  name: string;
  dry_run: boolean;
  /** Of a build with packages. */
  platform: string | null;
  /** Paths of the written files. */
  outputs: { manifest: string; file_list: string; package_list: string } & Partial<
    Record<'module' | 'sbom' | 'provenance' | 'vex', string>
  >;
  files: number;
  /** Packages of package_spec in a dry run; packages of the layer in a real build. */
  packages: number;
  /** Packages that `rootfsOnly` left out. */
  packages_left_out: string[];
  /** Seconds since 1970. */
  source_date_epoch: number;
  /** Of a real build: `sha256:<hex>` of the module tar, which is the layer's digest. */
  layer_digest?: string;
  layer_size?: number;
  /** Of a real build: 64 hex digits. */
  composefs_digest?: string;
  /** Units, rules of sudo and users that machines get from its manifest. */
  generated: GeneratedFile[];
  /** Packages that differ, where a lock was made again. */
  lock_changes?: { added: string[]; removed: string[]; changed: string[] };
  warnings: string[];
}

/** What a build knows before it writes. */
interface Prepared {
  manifest: ModuleManifest;
  rootfs: string;
  source: SourceEntry[];
  plan: BuildPlan;
  preview: GeneratedPreview;
  date: SourceDate;
  warnings: string[];
  leftOut: string[];
}

/**
 * Builds a module from its packages and `rootfs/`. The same input, lock and time give the same
 * bytes on every machine. Results are renamed into place, so that none is ever half written.
 *
 * @throws GantryError `ModuleManifestSchemaError`, `package_build_unsupported`, `io_error`,
 * `tree_invalid`, `attributes_invalid`, and the codes of `buildPackages` and `writeModuleTar`.
 */
export async function buildModule(options: BuildOptions): Promise<BuildResult> {
  const prepared = await prepare(options);
  const { manifest } = prepared;
  if (options.dryRun || manifest.package_spec.length === 0)
    return writeModule(options, prepared, undefined);

  const { packages } = options;
  if (packages === undefined) {
    const message = `expected a platform for the packages of ${manifest.name}, found none; pass --platform, or build with --rootfs-only`;
    throw new GantryError('package_build_unsupported', message, { field: 'package_spec' });
  }

  return withWorkDirectory(async (work) => {
    const built = await buildPackages(options.directory, manifest, {
      ...packages,
      work,
      out: options.out,
    });
    return writeModule(options, prepared, built);
  });
}

async function prepare(options: BuildOptions): Promise<Prepared> {
  const { manifest: written, warnings } = await inheritSpec(
    options,
    await readManifest(join(options.directory, 'manifest.yaml')),
  );
  const manifest = options.rootfsOnly ? withoutPackages(written) : written;
  const rootfs = join(options.directory, 'rootfs');
  const source = await readRootfs(rootfs);
  const plan = planModule(manifest, source);
  const preview = await previewGenerated(written, { rootfs, source, files: plan.files });

  return {
    manifest,
    rootfs,
    source,
    plan,
    preview,
    date: await sourceDate(options.directory, options.sourceDateEpoch),
    warnings,
    leftOut: options.rootfsOnly ? written.package_spec : [],
  };
}

async function writeModule(
  options: BuildOptions,
  prepared: Prepared,
  packages: PackageBuild | undefined,
): Promise<BuildResult> {
  const { manifest, plan, preview, date, rootfs, source } = prepared;
  const seconds = date.seconds;
  const manifestJson = formatManifestJson(manifest);
  const attributes = await readAttributes(options.directory);
  const content = await layerContent(
    { directory: rootfs, files: plan.files, source },
    packages,
    seconds,
  );
  const tree = applyAttributes(content.tree, attributes, {
    ids:
      packages?.trees.ids ?? (await readBuildFiles(options.directory, options.packages?.ids)).ids,
    accounts: packages?.accounts ?? { users: [], groups: [] },
  });

  const files = tree.filter(({ type }) => type !== 'directory').map(({ path }) => path);
  await mkdir(options.out, { recursive: true });
  const outputs = await writeOutputs(options.out, {
    manifest: manifestJson,
    file_list: lines(files),
    package_list: lines(packages === undefined ? manifest.package_spec : listOf(packages)),
  });

  const result: BuildResult = {
    name: manifest.name,
    dry_run: options.dryRun,
    platform: options.packages?.platform ?? null,
    outputs,
    files: files.length,
    packages: packages?.plan.packages.length ?? manifest.package_spec.length,
    packages_left_out: prepared.leftOut,
    source_date_epoch: seconds,
    generated: preview.generated,
    warnings: [
      ...prepared.warnings,
      ...leftOutWarning(prepared.leftOut),
      ...plan.advice.map(({ path, message }) => `${path}: ${message}`),
      ...preview.warnings,
      // Packages and other modules may bring what is missing here.
      ...(preview.error === null ? [] : [preview.error.message]),
      ...(packages === undefined ? [] : unclaimed(files, manifest)),
      ...lostModes(source, plan.files, attributes),
      ...(packages?.warnings ?? []),
      ...(date.warning ? [date.warning] : []),
    ],
  };

  if (options.dryRun) return result;

  const module = join(options.out, outputNames.module);
  const input = { manifestJson, entries: tree, mtime: seconds, open: content.open };
  const layer = await writeTar(module, input);
  const documents = await writeDocuments(options, { packages, manifestJson, layer, prepared });

  return {
    ...result,
    outputs: { ...outputs, module, ...documents },
    layer_digest: layer.digest,
    layer_size: layer.size,
    composefs_digest: composefsImage(tree).digest,
    ...(packages?.lockChanges ? { lock_changes: shownChanges(packages.lockChanges) } : {}),
  };
}

function shownChanges({ added, removed, changed }: LockDifference) {
  const shown = ({ name, version }: LockedPackage) => `${name} ${version}`;
  return {
    added: added.map(shown),
    removed: removed.map(shown),
    changed: changed.map(({ before, after }) => `${shown(before)} → ${after.version}`),
  };
}

async function writeDocuments(
  options: BuildOptions,
  built: {
    packages: PackageBuild | undefined;
    manifestJson: string;
    layer: { digest: string };
    prepared: Prepared;
  },
): Promise<Partial<Record<'sbom' | 'provenance' | 'vex', string>>> {
  const documents = await buildDocuments({
    directory: options.directory,
    name: built.prepared.manifest.name,
    manifestJson: built.manifestJson,
    layerDigest: built.layer.digest,
    platform: options.packages?.platform,
    packages: built.packages,
    seconds: built.prepared.date.seconds,
    env: process.env,
  });

  const paths = await writeOutputs(options.out, documents);
  if (options.vex === undefined) return paths;
  const vex = await readVex(options.vex, paths.sbom);
  return { ...paths, ...(await writeOutputs(options.out, { vex })) };
}

function listOf({ plan }: PackageBuild): string[] {
  return plan.packages.map(
    ({ name, version, architecture }) => `${name}:${architecture}=${version}`,
  );
}

/** A glob that matches files of packages claims them. Only one that matches nothing is a fault. */
function unclaimed(files: readonly string[], { name, file_spec }: ModuleManifest): string[] {
  return listUnmatched(file_spec, files).map(
    (glob) =>
      `file_spec: ${JSON.stringify(glob)} matches neither rootfs/ nor the packages of ${name}`,
  );
}

/** A manifest says what its module ships, so one built without packages lists none. */
function withoutPackages(manifest: ModuleManifest): ModuleManifest {
  if (manifest.file_spec.length > 0) return { ...manifest, package_spec: [] };
  const message = `expected a file_spec for --rootfs-only, found none in ${manifest.name}; nothing would be built`;
  throw new GantryError('package_build_unsupported', message, { field: 'file_spec' });
}

function leftOutWarning(packages: string[]): string[] {
  if (packages.length === 0) return [];
  return [`built without the packages of package_spec: ${packages.join(', ')}`];
}
