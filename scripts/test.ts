import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { printOutcomes, runChecks } from './checks.ts';
import { fail, onStopRequest } from './fail.ts';
import { projectRoot } from './local-cloud.ts';

const running = new Set<ChildProcess>();

function follow(child: ChildProcess): void {
  running.add(child);
  child.once('exit', () => running.delete(child));
}

onStopRequest(async () => {
  for (const child of running) child.kill('SIGTERM');
  process.exitCode = 1;
});

async function runVitest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  const child = spawn('vitest', [...args], { cwd: projectRoot, stdio: 'inherit', env });
  follow(child);
  const [code] = await once(child, 'exit');
  return code === 0;
}

/** Tests alone, as the arguments select them. */
async function runSelected(args: readonly string[]): Promise<boolean> {
  const mode = args.includes('--watch') ? [] : ['run'];
  return runVitest([...mode, ...args], process.env);
}

/** Every test and every check; the checks run while the local cloud starts. */
async function runAll(): Promise<boolean> {
  const env = { GANTRY_TEST_STACK: 'fresh', ...process.env };
  const [outcomes, testsPassed] = await Promise.all([runChecks(follow), runVitest(['run'], env)]);

  printOutcomes(outcomes);

  const failed = outcomes.filter(({ passed }) => !passed).map(({ name }) => name);
  if (!testsPassed) failed.push('tests');
  if (failed.length > 0) process.stdout.write(`\nFailed: ${failed.join(', ')}\n`);

  return failed.length === 0;
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const passed = args.length > 0 ? await runSelected(args) : await runAll();
  process.exit(passed ? 0 : 1);
}

main().catch(fail);
