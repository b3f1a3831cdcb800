import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../shared/base/error.ts';
import { fail } from './fail.ts';

const root = join(import.meta.dirname, '..');

/** Folders of layers hold a folder for each area, and tests are by area. */
const layers = /^shared\/(?:(?:domain|actions|contract|store)\/)?/;

/** What Stryker does: https://stryker-mutator.io/docs/stryker-js/configuration */
function configOf(folder: string, tests: string) {
  return {
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'scripts/vitest-mutate.ts' },
    mutate: [`${folder}/**/*.ts`],
    testFiles: [`${tests}/**/*.test.ts`],
    // The compiler refuses most other strings, and tests compare codes, not whole sentences.
    mutator: { excludedMutations: ['StringLiteral'] },
    coverageAnalysis: 'perTest',
    concurrency: 1,
    // Stryker would rewrite tsconfig.json by an API that TypeScript 7 does not have.
    tsconfigFile: 'none',
    // Stryker follows links when it copies, and these lead to files of a machine.
    ignorePatterns: ['.local', 'examples/modules/*/rootfs'],
    tempDirName: '.local/mutate',
    reporters: ['clear-text', 'json'],
    clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
    jsonReporter: { fileName: '.local/mutate.json' },
  };
}

/**
 * Changes the sources of a folder, one small fault at a time, and reports each fault that no unit
 * test notices: `npm run mutate -- FOLDER [TESTS]`.
 */
async function mutate(folder = 'shared/dpop', tests?: string): Promise<void> {
  const theirs = tests ?? `test/unit/${folder.replace(layers, '')}`;
  const missing = [folder, theirs].find((path) => !existsSync(join(root, path)));
  if (missing !== undefined) {
    throw new GantryError(
      'invalid_request',
      `expected a folder, found nothing at ${missing}; run npm run mutate -- FOLDER [TESTS]`,
    );
  }

  const config = join(root, '.local/mutate.config.json');
  await mkdir(join(root, '.local'), { recursive: true });
  await writeFile(config, JSON.stringify(configOf(folder, theirs)));

  const stryker = join(root, 'node_modules/.bin/stryker');
  const child = spawn(stryker, ['run', config], { cwd: root, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}

mutate(...process.argv.slice(2)).catch(fail);
