import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
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

function startVitest(args: readonly string[], env: NodeJS.ProcessEnv, output: 'inherit' | 'pipe') {
  const stdio: StdioOptions = ['inherit', output, output];
  const child = spawn('vitest', [...args], { cwd: projectRoot, stdio, env });
  follow(child);
  return child;
}

async function runVitest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  const [code] = await once(startVitest(args, env, 'inherit'), 'exit');
  return code === 0;
}

/** Keeps the output until the end: two runs cannot share a terminal. */
async function runVitestBeside(args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = startVitest(args, env, 'pipe');
  const output = Promise.all([child.stdout, child.stderr].map((stream) => stream && text(stream)));

  const [code] = await once(child, 'close');
  return { passed: code === 0, output: (await output).join('') };
}

/** Tests alone, as the arguments select them. */
async function runSelected(args: readonly string[]): Promise<boolean> {
  const mode = args.includes('--watch') ? [] : ['run'];
  return runVitest([...mode, ...args], process.env);
}

/** They need no cloud. They have half of the workers that tests on the cloud have. */
const withoutCloud = ['--project', 'unit', '--project', 'slow', '--maxWorkers=2'];
const onCloud = ['--project', 'integration', '--project', 'browser'];

/**
 * Every test and every check. Tests on the cloud wait for half of their time, so the checks and the
 * tests without it run beside them.
 */
async function runAll(): Promise<boolean> {
  const env = { GANTRY_TEST_STACK: 'fresh', ...process.env };

  const beside = async () => {
    const outcomes = await runChecks(follow);
    return { outcomes, tests: await runVitestBeside(['run', ...withoutCloud], env) };
  };
  const [{ outcomes, tests }, passed] = await Promise.all([
    beside(),
    runVitest(['run', ...onCloud], env),
  ]);

  process.stdout.write(tests.output);
  printOutcomes(outcomes);

  const failed = outcomes.filter((outcome) => !outcome.passed).map(({ name }) => name);
  if (!passed || !tests.passed) failed.push('tests');
  if (failed.length > 0) process.stdout.write(`\nFailed: ${failed.join(', ')}\n`);

  return failed.length === 0;
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const passed = args.length > 0 ? await runSelected(args) : await runAll();
  process.exit(passed ? 0 : 1);
}

main().catch(fail);
