import { GantryError } from '../../shared/base/error.ts';
import type { Agent } from '../agent.ts';
import type { Received } from '../fetch/receive.ts';
import { type AgentState, writeJson } from '../state.ts';
import { switchGeneration } from './generation.ts';
import { contentKey } from './good-generations.ts';
import type { Running } from './running.ts';

/** What a return needs of an agent: no network, and nothing that is fetched. */
export type LocalAgent = Pick<Agent, 'paths' | 'config' | 'state'>;

/**
 * Returns the machine to an earlier generation that is here. The note is written first: an agent
 * that is killed in between finds it, and completes the return.
 */
export async function returnTo(
  agent: LocalAgent,
  blocked: NonNullable<AgentState['blocked']>,
): Promise<void> {
  agent.state = { ...agent.state, generation: blocked.generation, blocked };
  await writeJson(agent.paths.state, agent.state);
  const { paths, config } = agent;
  const writablePaths = config.writable_paths;
  await switchGeneration({ paths, number: blocked.generation, writablePaths });
}

/** Completes a return in which the agent was killed. Returns whether there was one. */
export async function completeReturn(
  agent: LocalAgent,
  running: Running | undefined,
): Promise<boolean> {
  const { blocked } = agent.state;
  if (blocked === null || running === undefined) return false;
  if (running.generation.number === blocked.generation) return false;
  if (contentKey(running.desired) !== blocked.content) return false;

  await returnTo(agent, blocked);
  return true;
}

/**
 * Takes a desired state that asks for blocked content for a refused one. Another one ends the
 * block.
 */
export function refuseBlocked(agent: LocalAgent, received: Received): Received {
  const { blocked } = agent.state;
  if (blocked === null || (received.kind !== 'new' && received.kind !== 'same')) return received;

  if (contentKey(received.held.desired) === blocked.content) {
    return { kind: 'refused', error: new GantryError(blocked.code, blocked.message) };
  }

  agent.state = { ...agent.state, blocked: null };
  return received;
}
