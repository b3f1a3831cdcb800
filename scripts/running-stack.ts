import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { outputsSchema } from '../infra/outputs.ts';
import { localDirectory, runningCloud } from './local-cloud.ts';

/** Where `npm run dev` keeps its stack. */
export const devDirectory = join(localDirectory, 'dev');

const runningStackSchema = z.object({
  endpoint: z.url(),
  publicUrl: z.url(),
  outputs: outputsSchema,
});

/** A deployed stack that another process keeps running, as that process recorded it. */
export type RunningStack = z.infer<typeof runningStackSchema>;

function fileOf(directory: string): string {
  return join(directory, 'stack.json');
}

/** Records how other processes reach the stack of a directory. */
export function writeRunningStack(directory: string, stack: RunningStack): void {
  writeFileSync(fileOf(directory), JSON.stringify(runningStackSchema.parse(stack)));
}

export function removeRunningStack(directory: string): void {
  rmSync(fileOf(directory), { force: true });
}

/** Returns the stack of a directory; `undefined` if no process keeps one running. */
export function readRunningStack(directory: string): RunningStack | undefined {
  const file = fileOf(directory);
  if (!existsSync(file) || runningCloud(join(directory, 'cloud')) === undefined) return undefined;
  return runningStackSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}
