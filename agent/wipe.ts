import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree, syncDirectory } from './files.ts';
import type { AgentPaths } from './paths.ts';
import type { AgentConfig } from './state.ts';

/**
 * Removes the keys and the credential of the machine. The root file system and the pinned account
 * root stay for a new enrolment.
 */
export async function wipeCredentials({
  agent,
  session,
  calls,
  key,
  sealingKey,
  credential,
}: AgentPaths): Promise<void> {
  for (const path of [session, calls, key, sealingKey, credential]) await rm(path, { force: true });
  await syncDirectory(agent);
}

/**
 * Makes a decommissioned machine forget the account: its desired states, which hold files that were
 * rendered for it, and its credentials. The root file system keeps running unmanaged, or `current`
 * is removed, as enrolment decided. Its files stay either way, because the machine's own data is
 * among them.
 *
 * The files that an agent needs for a call are removed last: if the wipe is interrupted, the next
 * call is refused again and the wipe continues.
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
    paths.fileMemory,
    paths.lastLook,
    paths.earlierRoots,
  ]) {
    await removeTree(path);
  }

  await wipeCredentials(paths);
  for (const path of [paths.root, paths.config]) await rm(path, { force: true });
}
