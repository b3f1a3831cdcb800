import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { Outputs } from '../../infra/outputs.ts';
import { localDirectory, runningCloud } from '../../scripts/local-cloud.ts';
import { type LocalStack, startLocalStack } from '../../scripts/local-stack.ts';

/** What tests learn of the deployed stack: `inject('stack')`. */
export interface TestStack {
  /** The local cloud: every AWS service, and ECR's registry. */
  endpoint: string;
  /** Pages and API at the root of one origin. */
  publicUrl: string;
  outputs: Outputs;
  /** Of this run alone; holds `cloud/cloud.log`, which has what the functions wrote. */
  directory: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    stack: TestStack;
  }
}

interface Shared {
  users: number;
  started: Promise<LocalStack & { directory: string }>;
}

// The integration and the browser project set up in one process and share one stack, each with its own copy of this module.
const holder = globalThis as { gantryTestStack?: Shared };

/** Starts a fresh cloud, deploys to it, and forgets it when the last project is done. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  holder.gantryTestStack ??= { users: 0, started: start() };
  const shared = holder.gantryTestStack;
  shared.users += 1;
  const { endpoint, publicUrl, outputs, directory, stop } = await shared.started;
  project.provide('stack', { endpoint, publicUrl, outputs, directory });
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    delete holder.gantryTestStack;
    await stop();
    rmSync(directory, { recursive: true, force: true });
  };
}

async function start(): Promise<LocalStack & { directory: string }> {
  forgetDeadRuns();
  const directory = join(localDirectory, `test-${process.pid}`);
  const stack = await startLocalStack({
    directory,
    portVariables: { cloud: 'GANTRY_TEST_CLOUD_PORT', site: 'GANTRY_TEST_PORT' },
    progress: (sentence) => process.stderr.write(`${sentence}\n`),
  });
  return { ...stack, directory };
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
