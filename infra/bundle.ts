import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Beside the template, so that two deployments at once do not write over each other's bundles. */
const outputDirectory = resolve(root, process.env.CDK_OUTDIR ?? 'cdk.out', 'functions');

/** Each Lambda function of the stack and the file that exports its `handler`. */
export const functionEntries = {
  poll: 'functions/poll/handler.ts',
  verify: 'functions/verify/handler.ts',
  trust: 'functions/verify/trust-handler.ts',
  reverify: 'functions/verify/reverify-handler.ts',
  ingest: 'functions/ingest/handler.ts',
  promote: 'functions/promote/handler.ts',
  sweep: 'functions/promote/sweep-handler.ts',
  compose: 'functions/compose/handler.ts',
  reconcile: 'functions/reconcile/handler.ts',
  collect: 'functions/collect/handler.ts',
  events: 'functions/events/handler.ts',
  api: 'functions/api/handler.ts',
} as const;

export type FunctionName = keyof typeof functionEntries;

/** Where the bundle of a function lies: a directory with `index.mjs` and its source map. */
export function bundleDirectory(name: FunctionName): string {
  return `${outputDirectory}/${name}`;
}

/** How every function is bundled, AWS SDK included. */
export const bundleOptions = {
  absWorkingDir: root,
  entryPoints: Object.entries(functionEntries).map(([name, entry]) => ({
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
  // CommonJS packages inside an ES module still call require.
  banner: {
    js: "import { createRequire as gantryCreateRequire } from 'node:module';const require = gantryCreateRequire(import.meta.url);",
  },
} satisfies BuildOptions;

/**
 * Bundles every function in one run: NodejsFunction starts a bundler for each, which takes ten times as long and would
 * make every start of the local cloud wait.
 */
export async function bundleFunctions(): Promise<void> {
  await build(bundleOptions);
}
