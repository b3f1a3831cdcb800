import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { agentPaths } from '../../../../agent/paths.ts';

// Moves the machine's data of a directory, and kills itself after some changes to the file system:
// node move-killed.ts DIR STEPS

const [dir = '', steps = ''] = process.argv.slice(2);
let left = Number(steps);

const changing = ['mkdirSync', 'renameSync', 'symlinkSync', 'rmdirSync'] as const;
for (const name of changing) {
  const real = fs[name] as (...args: unknown[]) => unknown;
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      if (left-- === 0) process.kill(process.pid, 'SIGKILL');
      return real(...args);
    },
  });
}
syncBuiltinESMExports();

// Imported after the calls are replaced.
const { moveMachineData } = await import('../../../../agent/apply/move-machine-data.ts');
const { currentGeneration } = await import('../../../../agent/apply/generation.ts');

const paths = agentPaths(dir);
const generation = await currentGeneration(paths);
if (generation === undefined) throw new Error(`${dir} has no generation`);

fs.mkdirSync(paths.machineData, { recursive: true });
await moveMachineData(paths, generation, ['/var', '/srv/db']);
