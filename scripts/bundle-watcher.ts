import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { join, relative } from 'node:path';
import { type BuildContext, type BuildOptions, context, type OutputFile } from 'esbuild';

/** What esbuild made of one entry point: the file names and their bytes. */
export interface Bundle {
  /** Of the code alone: a change of comments changes only the source map. */
  sha256: string;
  files: Map<string, Uint8Array>;
}

/** Bundles again what was bundled before, in a fraction of the first run's time. */
export interface Bundler {
  /**
   * @returns the bundle in each folder of the output directory
   * @throws BuildFailure with esbuild's messages when a source does not compile
   */
  bundle: () => Promise<Map<string, Bundle>>;
  dispose: () => Promise<void>;
}

export async function createBundler(options: BuildOptions & { outdir: string }): Promise<Bundler> {
  const build: BuildContext<{ write: false }> = await context({ ...options, write: false });
  return {
    bundle: async () => groupByFolder(options.outdir, (await build.rebuild()).outputFiles),
    dispose: () => build.dispose(),
  };
}

function groupByFolder(outdir: string, outputs: readonly OutputFile[]): Map<string, Bundle> {
  const bundles = new Map<string, Bundle>();
  for (const { path, contents } of outputs) {
    const [folder = '', ...rest] = relative(outdir, path).split('/');
    const bundle = bundles.get(folder) ?? { sha256: '', files: new Map() };
    bundle.files.set(rest.join('/'), contents);
    if (!path.endsWith('.map')) {
      bundle.sha256 = createHash('sha256').update(contents).digest('hex');
    }
    bundles.set(folder, bundle);
  }
  return bundles;
}

/** Editors write a file in several steps, and a checkout writes many files. */
const quietMs = 60;

/**
 * Calls `onChange` with the files that changed below the folders, once they have been quiet. A call that runs is
 * finished before the next one starts.
 *
 * @returns what ends the watch
 */
export function watchFolders(
  root: string,
  folders: readonly string[],
  onChange: (files: string[]) => Promise<void>,
): () => void {
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const report = () => {
    running = running.then(async () => {
      const files = [...changed].sort();
      changed.clear();
      if (files.length > 0) await onChange(files);
    });
  };
  const watchers = folders.map((folder) =>
    watch(join(root, folder), { recursive: true }, (_event, file) => {
      if (file === null) return;
      changed.add(join(folder, file));
      clearTimeout(timer);
      timer = setTimeout(report, quietMs);
    }),
  );

  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}
