import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { stages } from '../shared/contract/stages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/**
 * The bundles are beside the template, because two concurrent deployments must not overwrite each
 * other's bundles.
 */
const outputDirectory = resolve(root, process.env.CDK_OUTDIR ?? 'cdk.out', 'functions');

/** The directory of a function's bundle: `index.mjs` and its source map. */
export function bundleDirectory(name: string): string {
  return `${outputDirectory}/${name}`;
}

/** The options that every function is bundled with. The AWS SDK is part of the bundle. */
export const bundleOptions = {
  absWorkingDir: root,
  entryPoints: Object.entries(stages).map(([name, { entry }]) => ({
    in: entry,
    out: `${name}/index`,
  })),
  outdir: outputDirectory,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  minify: true,
  keepNames: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  // CommonJS packages inside an ES module still call require, and look where they are.
  banner: {
    js: "import { createRequire as gantryCreateRequire } from 'node:module';const require = gantryCreateRequire(import.meta.url), __dirname = import.meta.dirname, __filename = import.meta.filename;",
  },
} satisfies BuildOptions;

/**
 * Bundles every function in one run. NodejsFunction starts a bundler for each, which takes ten
 * times as long at every start of the local cloud.
 */
export async function bundleFunctions(): Promise<void> {
  await build(bundleOptions);
}
