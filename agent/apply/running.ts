import type { Agent } from '../agent.ts';
import { directorKeysOf } from '../fetch/account-roots.ts';
import {
  type HeldDesiredState,
  isRefusal,
  seenVersion,
  verifyApplied,
} from '../fetch/desired-state.ts';
import type { Remark } from '../verify/remark.ts';
import { currentGeneration, type Generation } from './generation.ts';

/** The generation that runs, and the desired state that it was made from. */
export interface Running extends HeldDesiredState {
  generation: Generation;
}

/**
 * What runs by `current` and its record, verified again. When these are not what the agent left
 * there, that is added to `remarks` and nothing counts as running, so that a new generation is laid
 * out.
 */
export async function findRunning(agent: Agent, remarks: Remark[]): Promise<Running | undefined> {
  const generation = await currentGeneration(agent.paths);
  const expected = agent.state.generation;

  // A crash between the switch and the note of it leaves `current` ahead. Nothing of the agent's
  // leaves it behind.
  if (expected > 0 && (generation === undefined || generation.number < expected)) {
    const found = generation === undefined ? 'no generation' : `generation ${generation.number}`;
    remarks.push({
      code: 'root_tampered',
      message: `current points to ${found}, expected generation ${expected}.`,
    });

    return undefined;
  }

  if (generation === undefined) return undefined;

  const held = verifyRecord(generation, agent);
  if (held !== undefined) return { generation, ...held };

  remarks.push({
    code: 'root_tampered',
    message: `generations/${generation.number}.state.json is not the desired state that the generation was made from.`,
  });

  return undefined;
}

function verifyRecord({ desiredState }: Generation, agent: Agent): HeldDesiredState | undefined {
  if (desiredState === undefined) return undefined;
  try {
    return verifyApplied(desiredState, agent);
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** Counts what runs as seen, in case state.json was lost: an older desired state stays refused. */
export function rememberSeen(agent: Agent, running: Running | undefined): void {
  const { trusted } = agent.roots;
  if (running?.root !== trusted) return;

  const seen_version = Math.max(seenVersion(trusted, agent.state), running.desired.version);
  agent.state = { ...agent.state, seen_version, seen_by: directorKeysOf(trusted) };
}
