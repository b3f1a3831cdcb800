import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { GantryError, isGantryError } from '../shared/base/error.ts';
import { limits } from '../shared/base/limits/index.ts';
import { type AgentReport, agentReport } from '../shared/contract/machines/index.ts';
import { type Agent, type AgentOptions, localPolicyOf, openAgent } from './agent.ts';
import { readIfPresent } from './files.ts';
import { takeLock } from './lock.ts';
import { type AgentPaths, agentPaths } from './paths.ts';
import { readJson, writeJson } from './state.ts';
import { type TickResult, tick } from './tick.ts';
import { wipeCredentials, wipeMachine } from './wipe.ts';

export type RunOptions = Omit<AgentOptions, 'remember'>;

/** One tick; news is reported to the control plane. Fails with `conflict` when another agent works in the directory. */
export async function runOnce(options: RunOptions): Promise<TickResult> {
  return await locked(options.dir, async () => {
    const agent = await openAgent({ ...options, remember: false });
    return await tickAndReport(agent);
  });
}

/** What a running agent tells of each tick. */
export type TickOutcome = { result: TickResult } | { error: unknown };

/**
 * Ticks until the signal aborts: every 60 s with a tenth of jitter, so that a fleet does not ask at once. A tick that is
 * under way is finished. Errors are told and tried again; only the end of its enrolment ends it by itself.
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
        onTick({ result: await tickAndReport(agent) });
      } catch (error) {
        onTick({ error });
        if (isGantryError(error, 'instance_decommissioned', 'credential_reused')) throw error;
      }
      const jitter = 0.9 + Math.random() * 0.2;
      await sleep(limits.agentTickMs * jitter, undefined, { signal }).catch(() => undefined);
    }
  });
}

async function tickAndReport(agent: Agent): Promise<TickResult> {
  try {
    const result = shortened(await tick(agent));
    await tellNews(agent, result.report);
    return result;
  } catch (error) {
    if (isGantryError(error, 'instance_decommissioned')) {
      await wipeMachine(agent.paths, agent.config);
      const left =
        agent.config.on_decommission === 'stop'
          ? 'nothing is to run from here'
          : 'the root stays, unmanaged';
      throw ended(error, `the enrolment was removed from ${agent.paths.dir}, ${left}`);
    }
    if (isGantryError(error, 'credential_reused')) {
      // The key has a copy somewhere: it is of no use any more, whoever held it rightly.
      await wipeCredentials(agent.paths);
      throw ended(
        error,
        'key and credential were removed; find out who else has them, then enrol again',
      );
    }
    throw error;
  }
}

/** A path or a list of findings can be of any length; a report that is refused for it would hide what it tells. */
function shortened({ report, generation }: TickResult): TickResult {
  const { message } = report;
  if (message === null || message.length <= limits.reportMessageMax) return { report, generation };
  return {
    report: { ...report, message: `${message.slice(0, limits.reportMessageMax - 1)}…` },
    generation,
  };
}

const reported = z.object({ at: z.iso.datetime(), report: agentReport });

/** Reports what differs from the last report, and the same again once an hour, as a sign of life. */
async function tellNews({ controlPlane, paths, now }: Agent, report: AgentReport): Promise<void> {
  const last = await readJson(paths.reported, reported).catch(() => undefined);
  const age = last === undefined ? Number.NaN : now().getTime() - Date.parse(last.at);
  if (isDeepStrictEqual(last?.report, report) && age >= 0 && age < limits.agentHeartbeatMs) return;
  await controlPlane.report(report);
  await writeJson(paths.reported, { at: now().toISOString(), report });
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

/** The same refusal, with what the agent did about it. */
function ended({ code, message, details }: GantryError, done: string): GantryError {
  return new GantryError(code, `${message}; ${done}`, details === undefined ? {} : { details });
}
