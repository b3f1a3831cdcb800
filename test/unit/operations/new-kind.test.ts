import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectRoot } from '../../../scripts/local-cloud.ts';

/**
 * Runs a program that ends with this process, even when this one is killed: then its standard input
 * closes.
 */
const endingWithStarter =
  'exec 3<&0; "$@" & child=$!; { read -r _ <&3; kill -9 $child; } >/dev/null 2>&1 & wait $child';
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-kind-'));
});
afterAll(() => rm(directory, { recursive: true }));

/**
 * What the compiler says of the product, with a kind of change that the domain has and nothing else
 * knows.
 */
async function compileWithKind(fields: string): Promise<string[]> {
  const source = `declare module '${projectRoot}/shared/domain/operations/change.ts' {
  interface ChangeFields ${fields}
}
export {};
`;

  await writeFile(join(directory, 'made-up.ts'), source);
  const product = ['cli', 'functions', 'shared'];

  const configuration = {
    extends: join(projectRoot, 'tsconfig.json'),
    compilerOptions: { typeRoots: [join(projectRoot, 'node_modules/@types')] },
    include: ['made-up.ts', ...product.map((folder) => join(projectRoot, folder))],
  };

  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(configuration));
  const tsc = join(projectRoot, 'node_modules/.bin/tsc');

  return new Promise((done) => {
    execFile(
      'sh',
      // One checker: each one more evaluates the types of the whole store again.
      ['-c', endingWithStarter, 'sh', tsc, '--noEmit', '--checkers', '1', '-p', directory],
      { cwd: projectRoot },
      (_, stdout) => {
        done(stdout.split('\n').filter((line) => line.includes('error TS')));
      },
    );
  });
}

it('a new kind of change lacks its entry in the table and its schema in the contract, and nothing else', {
  timeout: 180_000,
}, async () => {
  const problems = await compileWithKind('{ made_up: { note: string } }');

  const files = new Set(problems.map((line) => line.slice(0, line.indexOf('('))));
  expect([...files].map((file) => resolve(projectRoot, file)).sort()).toEqual([
    join(projectRoot, 'shared/actions/operations/changes/index.ts'),
    join(projectRoot, 'shared/contract/operations/operation.ts'),
  ]);
  for (const line of problems)
    expect(line).toMatch(/Property 'made_up' (is missing|does not exist)/);
});
