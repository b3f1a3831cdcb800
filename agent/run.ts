import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { GantryError } from '../shared/base/error.ts';
import { limits } from '../shared/base/limits/index.ts';
import { type AgentReport, agentReport } from '../shared/contract/machines/index.ts';
import {
  type Agent,
  type AgentOptions,
  type Enrolment,
  findLocalPolicy,
  notEnrolledError,
  openAgent,
  openEnrolment,
} from './agent.ts';
import { recoverDirectory } from './apply/recover.ts';
import { endsEnrolment, toGantryError } from './failure.ts';
import { readIfPresent } from './files.ts';
import { isLockWanted, pause, retakeLock, takeLock } from './lock.ts';
import { agentPaths } from './paths.ts';
import { stopAllServices } from './services/converge-services.ts';
import { startAfterBoot } from './services/run-services.ts';
import { initialState, readJson, writeJson } from './state.ts';
import { tick } from './tick.ts';
import { reportFailure, type TickResult } from './tick-result.ts';
import { wipeCredentials, wipeMachine } from './wipe.ts';

export type RunOptions = AgentOptions;

/** The result or the error that a running agent passes on after each tick. */
export type TickOutcome = { result: TickResult } | { error: unknown };

/** An agent's work in one directory, from its start to its end. */
interface Session {
  options: RunOptions;
  enrolment: Enrolment;
  /** Undefined until the directory could be prepared. */
  agent: Agent | undefined;
}

/**
 * Runs one tick, and reports news to the control plane.
 *
 * @throws `conflict` when another agent works in the directory; `prerequisite_missing` when it is
 * not enrolled; the reason, if there was no desired state to apply or compare.
 */
export async function runOnce(options: RunOptions): Promise<TickResult> {
  const release = await lockDirectory(options.dir);
  return withSession(options, release, tickAndReport);
}

/**
 * Ticks until the signal aborts, every 60 s with a tenth of jitter, so that a fleet does not call
 * in step. A tick that is under way is finished. After an error the next tick tries again; only the
 * end of the enrolment ends the loop. A command at the machine that waits for the lock works
 * between two ticks.
 *
 * @throws as `runOnce`; `instance_decommissioned`, `credential_reused`
 */
export async function runLoop(
  options: RunOptions,
  signal: AbortSignal,
  onTick: (outcome: TickOutcome) => void,
): Promise<void> {
  const { lock } = agentPaths(options.dir);
  let release: Release | undefined = await lockDirectory(options.dir);

  while (release !== undefined) {
    await withSession(options, release, async (session) => {
      while (!signal.aborted && !(await isLockWanted(lock))) {
        try {
          onTick({ result: await tickAndReport(session) });
        } catch (error) {
          onTick({ error });
          if (endsEnrolment(error)) throw error;
        }

        const jitter = 0.9 + Math.random() * 0.2;
        await pause(lock, limits.agentTickMs * jitter, signal);
      }
    });
    release = await retakeLock(lock, signal);
  }
}

async function tickAndReport(session: Session): Promise<TickResult> {
  const { enrolment } = session;
  try {
    const result = await prepareAndTick(session);
    if (result.error === undefined) {
      await reportNews(enrolment, result.report);
      return result;
    }

    if (enrolment.controlPlane.isReachable) await tryReport(enrolment, result.report);
    throw result.error;
  } catch (error) {
    throw await endEnrolment(enrolment, error);
  }
}

async function prepareAndTick(session: Session): Promise<TickResult> {
  const { options, enrolment } = session;
  let { agent } = session;

  try {
    if (agent === undefined) {
      agent = await openAgent(enrolment);
      await recoverDirectory(agent);
      // After a boot services need not wait for the network.
      if (agent.config.way !== 'directory') await startAfterBoot(agent.paths);
      session.agent = agent;
    }
    agent.localPolicy = await findLocalPolicy(enrolment.paths, options.policyFile);
  } catch (thrown) {
    const error = toGantryError(thrown, `${enrolment.paths.dir} could not be prepared`);
    return { ...reportFailure(agent ?? { state: initialState }, error), error };
  }

  const result = await tick(agent);
  await agent.check.endLook();
  return result;
}

const reported = z.object({ at: z.iso.datetime(), report: agentReport });

/**
 * Sends a report that differs from the last one, and an equal one once an hour as a sign of life.
 */
async function reportNews(
  { controlPlane, paths, now }: Enrolment,
  report: AgentReport,
): Promise<void> {
  const last = await readJson(paths.reported, reported).catch(() => undefined);
  const age = last === undefined ? Number.NaN : now().getTime() - Date.parse(last.at);
  const isNews = !isDeepStrictEqual(last?.report, report);
  if (!isNews && age >= 0 && age < limits.agentHeartbeatMs) return;

  await controlPlane.report(report);
  // If this record cannot be saved, as on a full disk, the report is sent again.
  await writeJson(paths.reported, { at: now().toISOString(), report }).catch(() => undefined);
}

/**
 * Reports a failed tick. A failure of the report is ignored, because the error of the tick matters
 * more.
 */
async function tryReport(enrolment: Enrolment, report: AgentReport): Promise<void> {
  try {
    await reportNews(enrolment, report);
  } catch (error) {
    if (endsEnrolment(error)) throw error;
  }
}

/**
 * Removes the files that a machine must not keep after its enrolment ends. Returns the error,
 * extended by what was done.
 */
async function endEnrolment({ paths, config }: Enrolment, error: unknown): Promise<unknown> {
  if (!endsEnrolment(error)) return error;

  if (error.code === 'credential_reused') {
    // Somebody else may have a copy of the key, so the machine must not use it either.
    await wipeCredentials(paths);
    return addOutcome(
      error,
      'key and credential were removed; find out who else has them, then enrol again',
    );
  }

  const isStopped = config.on_decommission === 'stop';
  if (isStopped && config.way !== 'directory') await stopAllServices(paths);
  await wipeMachine(paths, config);
  const root = isStopped
    ? '`current` was removed'
    : 'the root file system keeps running, unmanaged';

  return addOutcome(error, `the enrolment was removed from ${paths.dir}, and ${root}`);
}

function addOutcome({ code, message, details }: GantryError, outcome: string): GantryError {
  return new GantryError(code, `${message}; ${outcome}`, details === undefined ? {} : { details });
}

type Release = () => Promise<void>;

/** Opens the directory, whose lock is released when the work is done. */
async function withSession<T>(
  options: RunOptions,
  release: Release,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { dir } = options;
  try {
    const enrolment = await openDirectory(dir, () => openEnrolment(options));
    return await work({ options, enrolment, agent: undefined });
  } finally {
    await release();
  }
}

async function lockDirectory(dir: string): Promise<Release> {
  const paths = agentPaths(dir);
  return openDirectory(dir, async () => {
    // Without this, a mistyped directory would fail with an error about its lock.
    if ((await readIfPresent(paths.config)) === undefined) throw notEnrolledError(dir);
    return takeLock(paths.lock);
  });
}

/** Without these files the agent cannot report, so its error must have a code itself. */
async function openDirectory<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toGantryError(error, `${dir} could not be opened`);
  }
}
