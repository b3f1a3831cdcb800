import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';

// Runs one tick in a directory, and kills itself at a step, which is before or after a command or
// before a change to the file system: node run-killed.ts DIR STEP

const [dir = '', step = ''] = process.argv.slice(2);
let left = Number(step);

function countStep(): void {
  if (left-- === 0) process.kill(process.pid, 'SIGKILL');
}

for (const name of ['mkdir', 'rename', 'symlink'] as const) {
  const real = fs.promises[name] as (...args: unknown[]) => Promise<unknown>;
  Object.assign(fs.promises, {
    [name]: (...args: unknown[]) => {
      countStep();
      return real(...args);
    },
  });
}

const execute = promisify(childProcess.execFile) as (...args: unknown[]) => Promise<unknown>;
const counted = {
  [promisify.custom]: async (...args: unknown[]) => {
    countStep();
    try {
      return await execute(...args);
    } finally {
      countStep();
    }
  },
};
childProcess.execFile = Object.assign(() => {}, counted) as unknown as typeof childProcess.execFile;
syncBuiltinESMExports();

// Imported after the calls are replaced.
const { runOnce } = await import('../../../../agent/run.ts');
await runOnce({ dir });
