import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../scripts/local-cloud.ts';

test('a run of the tests that is stopped did not pass', async () => {
  const args = [
    '--disable-warning=ExperimentalWarning',
    'scripts/test.ts',
    'test/unit/base/concurrency.test.ts',
  ];

  const run = spawn(process.execPath, args, {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(run.stdout, 'data');
  run.kill('SIGTERM');
  run.stdout.resume();
  expect(await once(run, 'exit')).toEqual([1, null]);
});
