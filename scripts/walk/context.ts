import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { projectRoot } from '../local-cloud.ts';
import type { LocalStack } from '../local-stack.ts';

/**
 * The needs of a walk: a deployed Gantry, an admin token of the account `demo`, and the terminal.
 */
export interface WalkContext {
  stack: Pick<LocalStack, 'endpoint' | 'publicUrl'>;
  account: string;
  token: string;
  directory: string;
  say: (line: string) => void;
}

/** Runs `gantry …` as a user would and returns what it prints. */
export type Gantry = (
  ...args: string[]
) => Promise<{ code: number; answer: Record<string, unknown> }>;

export interface Walk {
  context: WalkContext;
  gantry: Gantry;
  /** The same as Rita, with a configuration of her own and no token of the admin. */
  asRita: Gantry;
  /** Prints the headline of a step. */
  step: (title: string) => void;
  /** Prints the result of a step. */
  saw: (line: string) => void;
  module: string;
  /** `<registry>/<account>/<module>` */
  repository: string;
  directory: string;
}

export async function runGantry(
  context: WalkContext,
  args: string[],
  as: Record<string, string> = { GANTRY_TOKEN: context.token },
): ReturnType<Gantry> {
  const shown = args.map((word) => (word.length > 60 ? `${word.slice(0, 24)}…` : word)).join(' ');
  context.say(`   $ gantry ${shown}`);

  const program = join(projectRoot, 'bin', 'gantry');
  const env = { ...process.env, GANTRY_URL: context.stack.publicUrl, ...as };

  return new Promise((resolve, reject) => {
    execFile(program, [...args, '--json'], { env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      if (code !== 2 && stdout !== '') {
        resolve({ code, answer: JSON.parse(stdout) });
        return;
      }

      const why = sentenceOf(stderr) ?? `it ended with ${code}: ${stderr.trim()}`;
      reject(new GantryError('io_error', `gantry ${shown}: ${why}`));
    });
  });
}

const failure = z.object({ error: z.object({ code: z.string(), message: z.string() }).loose() });

/** Returns the sentence and the code of the error that a command printed, if it printed one. */
function sentenceOf(stderr: string): string | undefined {
  try {
    const { error } = failure.parse(JSON.parse(stderr.trim().split('\n').at(-1) ?? ''));
    return `${error.message} (${error.code})`;
  } catch {
    return undefined;
  }
}

const operationAnswer = z.object({
  operation: z
    .object({
      id: z.string(),
      summary: z.string(),
      state: z.string(),
      code: z.string().nullable(),
      message: z.string().nullable(),
      approval_id: z.string().nullable(),
    })
    .loose(),
});
type Operation = z.infer<typeof operationAnswer>['operation'];

/** Runs a command that starts an operation and waits for it. */
export async function requestChange(walk: Walk, ...args: string[]): Promise<Operation> {
  return operationAnswer.parse((await walk.gantry(...args)).answer).operation;
}

/** Stops the walk with what an operation ended with, unless it succeeded. */
export function expectSuccess({ summary, state, code, message }: Operation): void {
  const why = message === null ? '' : `: ${message}`;
  const named = code === null ? '' : ` (${code})`;
  expect(state === 'succeeded', `success of "${summary}", found ${state}${why}${named}`);
}

const versionsAnswer = z.object({
  versions: z.array(
    z
      .object({
        id: z.string(),
        version_string: z.string(),
        promotion_state: z.string(),
        digest: z.string(),
        composefs_digest: z.string(),
      })
      .loose(),
  ),
  candidates: z.array(
    z
      .object({
        digest: z.string(),
        tags: z.array(z.string()),
        state: z.string(),
        code: z.string().nullable(),
        message: z.string().nullable(),
      })
      .loose(),
  ),
});
type Versions = z.infer<typeof versionsAnswer>;
export type Version = Versions['versions'][number];

export async function readVersions(walk: Walk): Promise<Versions> {
  return versionsAnswer.parse((await walk.gantry('module', 'versions', walk.module)).answer);
}

export function expect(holds: boolean, what: string): void {
  if (!holds) throw new GantryError('conflict', `the walk expected ${what}`);
}

export function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  minutes = 1,
): Promise<T> {
  const until = performance.now() + minutes * 60_000;
  while (performance.now() < until) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(700);
  }

  throw new GantryError('unavailable', `the walk waited ${minutes} min for ${what}`);
}
