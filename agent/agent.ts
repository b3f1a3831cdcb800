import { createPrivateKey } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../shared/base/error.ts';
import { Calls } from './calls.ts';
import { Clock } from './clock.ts';
import { ControlPlane } from './control-plane.ts';
import type { DesiredContext } from './desired.ts';
import { makePrivate, readIfPresent, unfinished } from './files.ts';
import { cleanGenerations } from './generation.ts';
import { type AgentPaths, agentPaths } from './paths.ts';
import { type LocalPolicy, readLocalPolicy } from './policy.ts';
import { readRoots } from './roots.ts';
import { ArtifactSource } from './source.ts';
import { agentConfig, agentState, initialState, readJson } from './state.ts';
import { Store } from './store.ts';
import { ContentCheck } from './verity.ts';

/** Everything that a tick works with. */
export interface Agent extends DesiredContext {
  store: Store;
  source: ArtifactSource;
  localPolicy: LocalPolicy | undefined;
  check: ContentCheck;
}

export interface AgentOptions {
  dir: string;
  /** A policy file besides the signed policies; `<dir>/agent/policy.json` is taken when it exists. */
  policyFile?: string;
  /** Whether what was checked is remembered between ticks: true in a running agent, false for `--once`. */
  remember: boolean;
  now?: () => Date;
}

/**
 * Opens an enrolled directory and clears away what a crash left. The caller holds its lock.
 * Fails with `prerequisite_missing` when it is not enrolled.
 */
export async function openAgent({
  dir,
  policyFile,
  remember,
  now = () => new Date(),
}: AgentOptions): Promise<Agent> {
  const paths = agentPaths(dir);
  const config = await readJson(paths.config, agentConfig);
  const [key, credential, roots] = await Promise.all([
    readIfPresent(paths.key),
    readIfPresent(paths.credential),
    readRoots(paths),
  ]);
  if (
    config === undefined ||
    key === undefined ||
    credential === undefined ||
    roots === undefined
  ) {
    throw new GantryError(
      'prerequisite_missing',
      `${dir} is not enrolled; run gantry agent enroll --token TOKEN --root DIR first.`,
    );
  }
  const clock = await Clock.open(now, paths.clock);
  const controlPlane = new ControlPlane({
    url: config.url,
    privateKey: createPrivateKey(key),
    enrolled: { credential: credential.toString().trim(), calls: await Calls.open(paths.calls) },
    clock,
  });
  const store = new Store(paths.store);
  await mkdir(paths.generations, { recursive: true });
  for (const folder of [paths.store, paths.images]) await makePrivate(folder);
  await store.prepare();
  await clearUnfinished(paths);
  await cleanGenerations(paths);
  return {
    paths,
    config,
    controlPlane,
    clock,
    roots,
    state: (await readJson(paths.state, agentState)) ?? initialState,
    now,
    store,
    source: new ArtifactSource(controlPlane),
    localPolicy: await localPolicyOf(paths, policyFile),
    check: new ContentCheck({ remember }),
  };
}

/** The machine's own policy; read before each tick, so that tightening it needs no restart. */
export async function localPolicyOf(
  paths: AgentPaths,
  file: string | undefined,
): Promise<LocalPolicy | undefined> {
  if (file !== undefined) return await readLocalPolicy(file);
  return (await readIfPresent(paths.policy)) === undefined
    ? undefined
    : await readLocalPolicy(paths.policy);
}

async function clearUnfinished({ dir, agent, images }: AgentPaths): Promise<void> {
  for (const folder of [dir, agent, images]) {
    for (const name of await readdir(folder)) {
      if (name.startsWith(unfinished))
        await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}
