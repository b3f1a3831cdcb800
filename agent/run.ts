import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { GantryError, isGantryError } from '../shared/error.ts';
import { limits } from '../shared/limits.ts';
import { type Agent, type AgentOptions, localPolicyOf, openAgent } from './agent.ts';
import { readIfPresent } from './files.ts';
import { takeLock } from './lock.ts';
import { type AgentPaths, agentPaths } from './paths.ts';
import { type TickResult, tick } from './tick.ts';

export type RunOptions = Omit<AgentOptions, 'remember'>;

/** One tick, reported to the control plane. Fails with `conflict` when another agent works in the directory. */
export async function runOnce(options: RunOptions): Promise<TickResult> {
  return await locked(options.dir, async (paths) => {
    const agent = await openAgent({ ...options, remember: false });
    return await tickAndReport(agent, paths);
  });
}

/** What a running agent tells of each tick. */
export type TickOutcome = { result: TickResult } | { error: unknown };

/**
 * Ticks until the signal aborts: every 60 s with a tenth of jitter, so that a fleet does not ask at once. A tick that is
 * under way is finished. Errors are told and tried again; only decommissioning ends it by itself.
 */
export async function runLoop(
  options: RunOptions,
  signal: AbortSignal,
  onTick: (outcome: TickOutcome) => void,
): Promise<void> {
  await locked(options.dir, async (paths) => {
    const agent = await openAgent({ ...options, remember: true });
    let fullLook = Date.now();
    while (!signal.aborted) {
      if (Date.now() - fullLook > limits.agentFullLookMs) {
        agent.check.forget();
        fullLook = Date.now();
      }
      try {
        agent.localPolicy = await localPolicyOf(paths, options.policyFile);
        onTick({ result: await tickAndReport(agent, paths) });
      } catch (error) {
        onTick({ error });
        if (isGantryError(error, 'instance_decommissioned')) throw error;
      }
      const jitter = 0.9 + Math.random() * 0.2;
      await sleep(limits.agentTickMs * jitter, undefined, { signal }).catch(() => undefined);
    }
  });
}

async function tickAndReport(agent: Agent, paths: AgentPaths): Promise<TickResult> {
  try {
    const result = await tick(agent);
    await agent.controlPlane.report(result.report);
    return result;
  } catch (error) {
    if (isGantryError(error, 'instance_decommissioned')) await wipeCredentials(paths);
    throw error;
  }
}

/** A machine that is no longer of the account keeps its root and nothing that could speak for it. */
async function wipeCredentials(paths: AgentPaths): Promise<void> {
  for (const path of [paths.config, paths.credential, paths.key, paths.session]) await rm(path, { force: true });
}

async function locked<T>(dir: string, work: (paths: AgentPaths) => Promise<T>): Promise<T> {
  const paths = agentPaths(dir);
  // Without this a mistyped directory would fail on its lock, with a sentence about nothing.
  if ((await readIfPresent(paths.config)) === undefined) {
    throw new GantryError(
      'prerequisite_missing',
      `${dir} is not enrolled; run gantry agent enroll --token TOKEN --root DIR first.`,
    );
  }
  const release = await takeLock(paths.lock);
  try {
    return await work(paths);
  } finally {
    await release();
  }
}
