import childProcess from 'node:child_process';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';
import { agentPaths } from '../../../../agent/paths.ts';

// Makes this machine's systemd run a record of services, and writes what is wrong as JSON. With
// a number it kills itself after as many changes, with `judge` it judges what runs:
// node converge-here.ts DIR RECORD [NUMBER | judge]

const [dir = '', record = '', last = ''] = process.argv.slice(2);
let left = /^\d+$/.test(last) ? Number(last) : Number.POSITIVE_INFINITY;

function step(): void {
  if (left-- === 0) process.kill(process.pid, 'SIGKILL');
}

for (const name of ['rename', 'rm'] as const) {
  const real = fs[name] as (...args: unknown[]) => unknown;
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      step();
      return real(...args);
    },
  });
}

const { execFile } = childProcess;
const run = promisify(execFile);
const counted = Object.assign((...args: Parameters<typeof execFile>) => execFile(...args), {
  [promisify.custom]: (file: string, args: string[], options: object) => {
    if (args[0] !== 'show') step();
    return run(file, args, options);
  },
});
Object.assign(childProcess, { execFile: counted });
syncBuiltinESMExports();

// Imported after the calls are replaced.
const { convergeServices } = await import('../../../../agent/services/converge-services.ts');
const { judgeServices } = await import('../../../../agent/services/judge-services.ts');
const { awaitHealthy } = await import('../../../../agent/services/check-health.ts');

const paths = agentPaths(dir);
const wanted = JSON.parse(await fs.readFile(record, 'utf8'));
const converged = await convergeServices({
  paths,
  record: wanted,
  awaitHealthy: async (service) => {
    await awaitHealthy(service);
  },
});
const judged =
  last === 'judge' ? await judgeServices(wanted, paths.machineData, { isNew: true }) : [];

const describe = ({ code, message }: { code: string; message: string }) => `${code}: ${message}`;
process.stdout.write(
  JSON.stringify({
    ...converged,
    faults: converged.faults.map(describe),
    judged: judged.map(describe),
  }),
);
