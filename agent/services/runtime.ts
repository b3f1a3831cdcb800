import { createHash } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readIfPresent } from '../files.ts';
import type { AgentPaths } from '../paths.ts';
import { readJson, writeJson } from '../state.ts';

/** What was started since the machine booted. It is gone after a reboot, as the services are. */
const startedServices = z.array(
  z.object({ unit: z.string(), digest: z.string(), after: z.array(z.string()) }),
);
export type StartedService = z.infer<typeof startedServices>[number];

/** Several agents may work on one machine, each in its own directory. */
function runtimePath({ dir }: AgentPaths): string {
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 16);
  return join('/run/gantry-agent', name);
}

/** What the services of a root share as their /run. */
export function servicesRunPath(paths: AgentPaths): string {
  return join(runtimePath(paths), 'run');
}

export async function prepareRuntime(paths: AgentPaths): Promise<void> {
  await mkdir(servicesRunPath(paths), { recursive: true });
  await chmod(runtimePath(paths), 0o700);
  await chmod(servicesRunPath(paths), 0o755);
}

/** What was started; nothing when that is not known: it is started again then. */
export async function readStarted(paths: AgentPaths): Promise<StartedService[]> {
  const found = await readJson(startedPath(paths), startedServices).catch(() => undefined);
  return found ?? [];
}

/** Whether anything was noted since the machine booted. */
export async function isStartKnown(paths: AgentPaths): Promise<boolean> {
  return (await readIfPresent(startedPath(paths))) !== undefined;
}

export async function writeStarted(paths: AgentPaths, started: StartedService[]): Promise<void> {
  await writeJson(startedPath(paths), started, 0o600);
}

/** The desired state that the machine had when it booted; empty when it had none. */
export function bootRecordPath(paths: AgentPaths): string {
  return join(runtimePath(paths), 'boot.state.json');
}

function startedPath(paths: AgentPaths): string {
  return join(runtimePath(paths), 'started.json');
}
