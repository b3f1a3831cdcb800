import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './files.ts';
import type { AgentPaths } from './paths.ts';
import type { AgentConfig } from './state.ts';

/** Removes what could speak for the machine. Its root, and what it knows of its instance, stay for a new enrolment. */
export async function wipeCredentials({
  agent,
  session,
  calls,
  key,
  credential,
}: AgentPaths): Promise<void> {
  for (const path of [session, calls, key, credential]) await rm(path, { force: true });
  await syncDirectory(agent);
}

/**
 * Makes a decommissioned machine forget the account: its desired states, which hold what was rendered for it, and what could
 * speak for it. The root keeps running unmanaged, or `current` is taken away, as enrolment settled; its files stay either
 * way, with the machine's own data in them. What an agent needs to ask goes last: one whose wipe was cut off asks again, is
 * told again, and goes on.
 */
export async function wipeMachine(paths: AgentPaths, config: AgentConfig): Promise<void> {
  if (config.on_decommission === 'stop') await rm(paths.current, { force: true });
  for (const name of await readdir(paths.generations).catch(() => [])) {
    if (name.endsWith('.state.json')) await rm(join(paths.generations, name), { force: true });
  }
  for (const path of [
    paths.desiredState,
    paths.reported,
    paths.state,
    paths.clock,
    paths.earlierRoots,
  ]) {
    await rm(path, { recursive: true, force: true });
  }
  await wipeCredentials(paths);
  for (const path of [paths.root, paths.config]) await rm(path, { force: true });
}
