import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { Outputs } from '../../infra/outputs.ts';
import { localDirectory, runningCloud } from '../../scripts/local-cloud.ts';
import { startLocalStack } from '../../scripts/local-stack.ts';
import { devDirectory, readRunningStack } from '../../scripts/running-stack.ts';

/** What tests learn of the deployed stack: `inject('stack')`. */
export interface TestStack {
  /** The local cloud: every AWS service, and ECR's registry. */
  endpoint: string;
  /** Pages and API at the root of one origin. */
  publicUrl: string;
  outputs: Outputs;
  /** Holds `cloud/cloud.log`, which has what functions log. */
  directory: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    stack: TestStack;
  }
}

interface StartedStack extends TestStack {
  /** Ends what was started for this run. */
  stop: () => Promise<void>;
}

interface Shared {
  users: number;
  started: Promise<StartedStack>;
}

// The integration and the browser project set up in one process and share one stack, each with its
// own copy of this module.
const holder = globalThis as { gantryTestStack?: Shared };

/**
 * Gives the tests a deployed stack. GANTRY_TEST_STACK says which: `dev` is the one of a running
 * `npm run dev`, `fresh` is one of this run alone, which is deleted when the last project is done.
 * Without it the running one is used if there is one.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  holder.gantryTestStack ??= { users: 0, started: start() };
  const shared = holder.gantryTestStack;

  shared.users += 1;
  const { stop, ...stack } = await shared.started;

  project.provide('stack', stack);

  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    delete holder.gantryTestStack;
    await stop();
  };
}

async function start(): Promise<StartedStack> {
  const wish = process.env.GANTRY_TEST_STACK;
  if (wish === 'fresh') return startFresh();

  const running = readRunningStack(devDirectory);
  if (running !== undefined) {
    process.stderr.write('Testing on the stack of npm run dev\n');
    return { ...running, directory: devDirectory, stop: async () => {} };
  }

  if (wish === 'dev') throw new Error('GANTRY_TEST_STACK=dev: no stack is up; start npm run dev');
  return startFresh();
}

async function startFresh(): Promise<StartedStack> {
  forgetDeadRuns();
  const directory = join(localDirectory, `test-${process.pid}`);

  const { endpoint, publicUrl, outputs, stop } = await startLocalStack({
    directory,
    portVariables: { cloud: 'GANTRY_TEST_CLOUD_PORT', site: 'GANTRY_TEST_PORT' },
    progress: (sentence) => process.stderr.write(`${sentence}\n`),
  });

  return {
    endpoint,
    publicUrl,
    outputs,
    directory,
    stop: async () => {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Runs that were killed left their state behind. */
function forgetDeadRuns(): void {
  mkdirSync(localDirectory, { recursive: true });
  for (const name of readdirSync(localDirectory, { withFileTypes: true })) {
    if (!name.isDirectory() || !name.name.startsWith('test-')) continue;
    const directory = join(localDirectory, name.name);
    if (runningCloud(join(directory, 'cloud')) === undefined)
      rmSync(directory, { recursive: true, force: true });
  }
}
