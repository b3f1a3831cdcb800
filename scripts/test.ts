import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fail, onStopRequest } from './fail.ts';
import { projectRoot } from './local-cloud.ts';

/** Everything that `npm test` asks, cheapest first; each runs although an earlier one failed. */
const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '--noEmit', '-p', '.'],
  ['lint and format', 'biome', 'check', '--error-on-warnings'],
  ['unused code', 'knip'],
  ['tests', 'vitest', 'run'],
];

async function main(): Promise<void> {
  const vitestArguments = process.argv.slice(2);
  const failed: string[] = [];
  // With arguments, such as a file, only the tests run.
  for (const [name, command, ...args] of vitestArguments.length > 0 ? checks.slice(-1) : checks) {
    process.stdout.write(`\n▶ ${name}\n`);
    const extra = name === 'tests' ? vitestArguments : [];
    const child = spawn(command, [...args, ...extra], { cwd: projectRoot, stdio: 'inherit' });
    onStop = () => child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    if (code !== 0) failed.push(name);
  }
  if (failed.length > 0) process.stdout.write(`\nFailed: ${failed.join(', ')}\n`);
  process.exit(failed.length > 0 ? 1 : 0);
}

let onStop: () => void = () => {};
onStopRequest(async () => {
  onStop();
  process.exitCode = 1;
});
main().catch(fail);
