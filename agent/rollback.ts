import { GantryError } from '../shared/base/error.ts';
import { type AgentOptions, openAgent, openEnrolment } from './agent.ts';
import { currentGeneration, readRecord } from './apply/generation.ts';
import { contentKey, findFallback } from './apply/good-generations.ts';
import { returnTo } from './apply/return-to.ts';
import { findRunning } from './apply/running.ts';
import { awaitLock } from './lock.ts';
import { agentPaths } from './paths.ts';
import { startServices } from './services/run-services.ts';
import { writeJson } from './state.ts';
import type { Remark } from './verify/remark.ts';

export interface RolledBack {
  /** The generation that runs now. */
  generation: number;
  /** Why earlier content is kept; undefined when the next tick applies the desired state. */
  held: string | undefined;
  /** Services that did not start. */
  faults: Remark[];
}

/**
 * Returns a machine to its last good root, and keeps it there until the desired state changes. It
 * needs no network: the root and the record of its services are here.
 *
 * @throws `prerequisite_missing` when there is no earlier good root; `conflict` when a tick takes
 * longer than a person waits
 */
export async function rollBack(options: AgentOptions): Promise<RolledBack> {
  return withLock(options.dir, async () => {
    const enrolment = await openEnrolment(options);
    const agent = await openAgent(enrolment);
    const running = await findRunning(agent, []);
    if (running === undefined) throw nothingError('nothing runs here');

    const content = contentKey(running.desired);
    const generation = findFallback(agent.state.good, content);
    const isHere =
      generation !== undefined && (await readRecord(agent.paths, generation)) !== undefined;
    if (!isHere) throw nothingError('no other root passed its checks here and is kept');

    const message = `A person went back to generation ${generation} from desired state ${running.desired.version} at ${enrolment.now().toISOString()}. It stays until the desired state changes, or until gantry agent rollback --resume.`;
    await returnTo(agent, { content, code: 'rollback_held', message, generation });

    const faults = agent.config.way === 'directory' ? [] : await startServices(agent.paths);
    return { generation, held: message, faults };
  });
}

/**
 * Ends a rollback, also one that the agent made itself: the next tick applies the desired state.
 *
 * @throws `conflict` when a tick takes longer than a person waits
 */
export async function resume(options: AgentOptions): Promise<RolledBack> {
  return withLock(options.dir, async () => {
    const { paths, state } = await openAgent(await openEnrolment(options));
    if (state.blocked !== null) await writeJson(paths.state, { ...state, blocked: null });

    const generation = (await currentGeneration(paths))?.number ?? 0;
    return { generation, held: undefined, faults: [] };
  });
}

async function withLock<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const release = await awaitLock(agentPaths(dir).lock);
  try {
    return await work();
  } finally {
    await release();
  }
}

function nothingError(why: string): GantryError {
  return new GantryError(
    'prerequisite_missing',
    `Expected an earlier root to go back to, found none: ${why}. Promote a version that works instead.`,
  );
}
