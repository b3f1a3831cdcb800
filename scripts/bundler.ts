import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { type BuildOptions, build, context, type OutputFile } from 'esbuild';

/** Names of files with their bytes. */
export type Files = ReadonlyMap<string, Uint8Array>;

/**
 * The options with which the entry points of a project are bundled, each into a folder of the
 * output directory.
 */
export interface BundleOptions extends BuildOptions {
  entryPoints: { in: string; out: string }[];
  outdir: string;
}

/**
 * Says which bundles a change of the sources alters, in a fraction of the time that it takes to
 * make them.
 */
export interface Fingerprints {
  /**
   * @returns of each folder, a hash of the project's own code in its bundle; comments and packages
   * do not count
   * @throws BuildFailure with esbuild's messages when a source does not compile
   */
  read: () => Promise<Map<string, string>>;
  dispose: () => Promise<void>;
}

export async function openFingerprints(options: BundleOptions): Promise<Fingerprints> {
  const own = { ...options, packages: 'external', sourcemap: false, write: false } as const;
  const incremental = await context(own);

  return {
    read: async () => {
      const { outputFiles } = await incremental.rebuild();
      const folders = [...groupByFolder(options.outdir, outputFiles)];
      return new Map(folders.map(([folder, files]) => [folder, hashOf(files)]));
    },
    dispose: () => incremental.dispose(),
  };
}

/** Bundles some of the entry points, packages included, as they are deployed. */
export async function bundle(
  options: BundleOptions,
  folders: readonly string[],
): Promise<Map<string, Files>> {
  const entryPoints = options.entryPoints.filter(({ out }) => {
    return folders.some((folder) => out.startsWith(`${folder}/`));
  });
  const { outputFiles } = await build({ ...options, entryPoints, write: false });
  return groupByFolder(options.outdir, outputFiles);
}

function groupByFolder(outdir: string, outputs: readonly OutputFile[]): Map<string, Files> {
  const folders = new Map<string, Map<string, Uint8Array>>();
  for (const { path, contents } of outputs) {
    const [folder = '', ...rest] = relative(outdir, path).split('/');
    const files = folders.get(folder) ?? new Map<string, Uint8Array>();
    files.set(rest.join('/'), contents);
    folders.set(folder, files);
  }

  return folders;
}

function hashOf(files: Files): string {
  const hash = createHash('sha256');
  for (const [name, bytes] of files) hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  return hash.digest('hex');
}
