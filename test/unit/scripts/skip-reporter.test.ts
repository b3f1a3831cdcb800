import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../../scripts/local-cloud.ts';

const tests = `describe('a group', () => {
  it('runs', () => {});
  it('is left out', { skip: true }, () => {});
  it('lacks a program', (context) => context.skip('needs rsync'));
  it('runs too', () => {});
});
`;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-skips-'));
  await writeFile(join(directory, 'some.test.js'), tests);
});
afterAll(() => rm(directory, { recursive: true }));

async function listSkips(...args: string[]): Promise<string[]> {
  const reporter = join(projectRoot, 'test/support/skip-reporter.ts');
  const vitest = ['run', '--globals', '--root', directory, '--reporter', reporter, ...args];
  const env = { ...process.env, GANTRY_NO_SKIP: '0' };
  const { stdout } = await promisify(execFile)('vitest', vitest, { cwd: directory, env });
  return stdout.split('\n').filter((line) => line !== '');
}

test('what was skipped is listed with its reason', async () => {
  expect(await listSkips()).toEqual([
    'Skipped here:',
    '  a group > is left out',
    '  a group > lacks a program: needs rsync',
  ]);
});

test('what -t did not select is not listed', async () => {
  expect(await listSkips('-t', 'group runs')).toEqual([]);
  expect(await listSkips('-t', 'lacks')).toEqual([
    'Skipped here:',
    '  a group > lacks a program: needs rsync',
  ]);
});
