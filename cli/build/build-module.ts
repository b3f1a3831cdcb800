import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { inlineBytesMax, writeModuleTar } from '../../shared/artifact/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import { composefsImage } from '../../shared/composefs/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import {
  formatManifestJson,
  type ModuleManifest,
  parseManifest,
} from '../../shared/manifest/index.ts';
import { planModule, plannedTree } from './plan.ts';
import {
  type ContentFacts,
  openContent,
  readContentFacts,
  readRootfs,
  type SourceEntry,
} from './rootfs.ts';
import { sourceDate } from './source-date.ts';

export interface BuildOptions {
  /** The module repository: holds `manifest.yaml` and `rootfs/`. */
  directory: string;
  /** Directory of the results; created if missing. */
  out: string;
  /** Stop before the module tar. */
  dryRun: boolean;
  /**
   * Build without the packages of `package_spec`, and without listing them in the built manifest.
   */
  rootfsOnly?: boolean;
  /** SOURCE_DATE_EPOCH of the environment. */
  sourceDateEpoch?: string | undefined;
}

export interface BuildResult {
  name: string;
  dry_run: boolean;
  /** Paths of the written files. */
  outputs: { manifest: string; file_list: string; package_list: string; module?: string };
  files: number;
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
  warnings: string[];
}

/**
 * Builds a module from `rootfs/`. The same input and time give the same bytes on every machine.
 * Results are renamed into place, so that none is ever half written.
 *
 * @throws GantryError `ModuleManifestSchemaError`, `package_build_unsupported`, `io_error`,
 * `tree_invalid` and the codes of `writeModuleTar`.
 */
export async function buildModule(options: BuildOptions): Promise<BuildResult> {
  const { manifest: written, warnings } = await readManifest(
    join(options.directory, 'manifest.yaml'),
  );
  const manifest = options.rootfsOnly ? withoutPackages(written) : written;
  const leftOut = options.rootfsOnly ? written.package_spec : [];
  if (!options.dryRun) refusePackages(manifest);
  const rootfs = join(options.directory, 'rootfs');
  const source = await readRootfs(rootfs);
  const plan = planModule(manifest, source);
  const date = await sourceDate(options.directory, options.sourceDateEpoch);
  const manifestJson = formatManifestJson(manifest);

  await mkdir(options.out, { recursive: true });
  const outputs = await writeLists(options.out, manifestJson, plan.files, manifest.package_spec);

  const result: BuildResult = {
    name: manifest.name,
    dry_run: options.dryRun,
    outputs,
    files: plan.files.length,
    packages: manifest.package_spec.length,
    packages_left_out: leftOut,
    source_date_epoch: date.seconds,
    warnings: [
      ...warnings,
      ...leftOutWarning(leftOut),
      ...plan.warnings,
      ...(date.warning ? [date.warning] : []),
    ],
  };

  if (options.dryRun) return result;

  const tree = plannedTree(
    plan.files,
    source,
    await contentFacts(rootfs, plan.files, source),
    date.seconds,
  );

  const module = join(options.out, 'module.tar');
  const layer = await writeTar(module, rootfs, { manifestJson, tree, mtime: date.seconds });

  return {
    ...result,
    outputs: { ...outputs, module },
    layer_digest: layer.digest,
    layer_size: layer.size,
    composefs_digest: composefsImage(tree).digest,
  };
}

async function readManifest(
  path: string,
): Promise<{ manifest: ModuleManifest; warnings: string[] }> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new GantryError(
      'io_error',
      `expected a manifest at ${path}, found none; run this in the directory of a module, or pass its path`,
      { cause: error },
    );
  });

  const { manifest, warnings } = parseManifest(bytes.toString('utf8'));
  const sentences = warnings.map(({ line, column, path: key, message }) => {
    return `manifest.yaml, line ${line}, column ${column}: ${key ? `${key}: ` : ''}${message}`;
  });

  return { manifest, warnings: sentences };
}

function refusePackages(manifest: ModuleManifest): void {
  const count = manifest.package_spec.length;
  if (count === 0) return;

  const message = `expected no package_spec, found ${count} package${count === 1 ? '' : 's'} in ${manifest.name}; use --rootfs-only to build without, or --dry-run to list them`;
  throw new GantryError('package_build_unsupported', message, {
    field: 'package_spec',
    found: manifest.package_spec,
  });
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

async function contentFacts(
  rootfs: string,
  files: string[],
  source: SourceEntry[],
): Promise<Map<string, ContentFacts>> {
  const regular = new Set(source.filter(({ type }) => type === 'file').map(({ path }) => path));
  const facts = new Map<string, ContentFacts>();

  for (const path of files) {
    if (regular.has(path))
      facts.set(path, await readContentFacts(join(rootfs, path), inlineBytesMax));
  }

  return facts;
}

async function writeLists(out: string, manifestJson: string, files: string[], packages: string[]) {
  const outputs = {
    manifest: join(out, 'manifest.json'),
    file_list: join(out, 'file-list.txt'),
    package_list: join(out, 'package-list.txt'),
  };

  await replace(outputs.manifest, (path) => writeFile(path, manifestJson));
  await replace(outputs.file_list, (path) => writeFile(path, lines(files)));
  await replace(outputs.package_list, (path) => writeFile(path, lines(packages)));

  return outputs;
}

function lines(items: string[]): string {
  return items.map((item) => `${item}\n`).join('');
}

async function writeTar(
  path: string,
  rootfs: string,
  input: { manifestJson: string; tree: TreeEntry[]; mtime: number },
): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  const open = (entry: TreeEntry) => openContent(join(rootfs, entry.path));

  const tar = writeModuleTar({
    manifestJson: input.manifestJson,
    mtime: input.mtime,
    entries: input.tree,
    open,
  });

  async function* measured(chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }

  await replace(path, (temporary) =>
    pipeline(tar, measured, createWriteStream(temporary, { flags: 'wx' })),
  );
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

/** Writes a temporary file and renames it, so that readers see the complete old or new file. */
async function replace(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
