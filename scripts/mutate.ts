import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GantryError } from '../shared/base/error.ts';
import { fail } from './fail.ts';

const root = join(import.meta.dirname, '..');

/** Folders of layers hold a folder for each area, and tests are by area. */
const layers = /^shared\/(?:(?:domain|actions|contract|store)\/)?/;

const isFile = (path: string): boolean => path.endsWith('.ts');

/** A folder of sources is tested by the folder of its area, a file by its folder's tests. */
const testsOf = (path: string): string =>
  `test/unit/${(isFile(path) ? dirname(path) : path).replace(layers, '')}`;

/** What Stryker does: https://stryker-mutator.io/docs/stryker-js/configuration */
function configOf(sources: string[], name: string) {
  return {
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    // The list of tests is given, so the search for related ones would only take time.
    vitest: { configFile: 'scripts/vitest-mutate.ts', related: false },
    mutate: sources.map((path) => (isFile(path) ? path : `${path}/**/*.ts`)),
    // The compiler refuses most other strings, and tests compare codes, not whole sentences.
    mutator: { excludedMutations: ['StringLiteral'] },
    coverageAnalysis: 'perTest',
    concurrency: 1,
    // A second run measures only what changed, and the survivors that new tests reach.
    incremental: true,
    incrementalFile: `.local/mutate/${name}.incremental.json`,
    // Stryker would rewrite tsconfig.json by an API that TypeScript 7 does not have.
    tsconfigFile: 'none',
    // Stryker follows links when it copies, and these lead to files of a machine.
    ignorePatterns: ['.local', 'examples/modules/*/rootfs'],
    tempDirName: `.local/mutate/${name}`,
    reporters: ['progress-append-only', 'clear-text', 'json'],
    clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
    jsonReporter: { fileName: `.local/mutate/${name}.json` },
  };
}

/**
 * Changes sources, one small fault at a time, and reports each fault that no unit test notices:
 * `npm run mutate -- SOURCES [TESTS]`. Both are folders or files, separated by commas.
 */
async function mutate(list = 'shared/dpop', testList?: string): Promise<void> {
  const sources = list.split(',');
  const tests = testList?.split(',') ?? [...new Set(sources.map(testsOf))];
  const missing = [...sources, ...tests].find((path) => !existsSync(join(root, path)));
  if (missing !== undefined) {
    throw new GantryError(
      'invalid_request',
      `expected a folder or file, found nothing at ${missing}; run npm run mutate -- SOURCES [TESTS]`,
    );
  }

  const [first = list] = sources;
  const name = first.replaceAll('/', '-');
  const config = join(root, `.local/mutate/${name}.config.json`);
  await mkdir(dirname(config), { recursive: true });
  await writeFile(config, JSON.stringify(configOf(sources, name)));

  const stryker = join(root, 'node_modules/.bin/stryker');
  const patterns = tests.map((path) => (isFile(path) ? path : `${path}/**/*.test.ts`));
  const child = spawn(stryker, ['run', config], {
    cwd: root,
    stdio: 'inherit',
    // Not by `testFiles` of Stryker: with it, a mutant outside of functions never takes effect.
    env: { ...process.env, GANTRY_MUTATE_TESTS: patterns.join(',') },
  });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}

mutate(...process.argv.slice(2)).catch(fail);
