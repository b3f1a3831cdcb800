import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { projectRoot } from './local-cloud.ts';

interface Check {
  name: string;
  command: string;
  args: string[];
}

/** The checks that do not run the code. */
const checks: readonly Check[] = [
  { name: 'types', command: 'tsc', args: ['--noEmit', '-p', '.'] },
  { name: 'lint and format', command: 'biome', args: ['check', '--error-on-warnings'] },
  { name: 'unused code', command: 'knip', args: [] },
];

export interface Outcome {
  name: string;
  passed: boolean;
  /** The output of the program. */
  output: string;
  ms: number;
}

/** Runs every check, one after the other, even if an earlier one fails. */
export async function runChecks(onStart: (child: ChildProcess) => void): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { name, command, args } of checks) {
    const startedAt = performance.now();
    const child = spawn(command, args, { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'] });

    onStart(child);
    let output = '';

    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });

    const [code] = await once(child, 'close');
    outcomes.push({ name, passed: code === 0, output, ms: performance.now() - startedAt });
  }

  return outcomes;
}

/** Writes a line for each check, and the output of those that failed. */
export function printOutcomes(outcomes: readonly Outcome[]): void {
  for (const { name, passed, output, ms } of outcomes) {
    process.stdout.write(`${passed ? '✓' : '✗'} ${name} (${(ms / 1000).toFixed(1)} s)\n`);
    if (!passed) process.stdout.write(`${output.trimEnd()}\n`);
  }
}
