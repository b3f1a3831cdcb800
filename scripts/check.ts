import type { ChildProcess } from 'node:child_process';
import { printOutcomes, runChecks } from './checks.ts';
import { fail, onStopRequest } from './fail.ts';

let running: ChildProcess | undefined;

onStopRequest(async () => {
  running?.kill('SIGTERM');
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const outcomes = await runChecks((child) => {
    running = child;
  });
  printOutcomes(outcomes);
  process.exit(outcomes.every(({ passed }) => passed) ? 0 : 1);
}

main().catch(fail);
