import { isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import {
  type Candidate,
  type Occurrence,
  type Situation,
  situationOf,
  type Transition,
  transition,
  wasDecided,
} from '../../domain/candidates/index.ts';
import {
  candidateEvent,
  createCandidate,
  getCandidate,
  updateCandidate,
} from '../../store/candidates/index.ts';
import type { Cause } from '../../store/event-maker.ts';
import { transact, type Write } from '../../store/table/index.ts';
import { enqueue, type Services } from '../context/index.ts';

interface MoveOptions {
  actor: `gantry:${string}`;
  /** Writes of the same transaction, made for the candidate as it is now. */
  alongside?: (present: Candidate) => Write[];
}

/**
 * Writes what follows from an occurrence, and sends the candidate to its next stage. If another
 * worker changed the row meanwhile (added a tag, claimed it), the row is read again. If another
 * worker decided on the candidate, nothing is left to do.
 * @returns where the candidate is then, for the log; `unchanged` when nothing followed
 */
export async function moveCandidate(
  services: Services,
  candidate: Candidate,
  occurrence: Occurrence,
  { actor, alongside = () => [] }: MoveOptions,
): Promise<Situation | 'unchanged'> {
  let attempt = 0;
  const moved = await retryConflicts(
    async () => {
      attempt += 1;
      const { account, id } = candidate;
      const present = attempt === 1 ? candidate : await getCandidate(services.db, account, id);
      if (present === null || wasDecided(candidate, present)) return null;

      const now = services.now();
      const next = transition(present, occurrence, now);
      if (next === null) return null;

      const writes = candidateWrites(present, next, { actor, at: now.toISOString() });
      await transact(services.db, [...alongside(present), ...writes]);
      return { next, situation: situationOf({ ...present, ...next.set }) };
    },
    { attempts: limits.rowAttemptsMax },
  );

  if (moved === null) return 'unchanged';

  await sendOn(services, candidate, moved.next);
  return moved.situation;
}

/** The writes of a transition, for a caller that has writes of its own. */
export function candidateWrites(
  candidate: Candidate,
  { set, events }: Transition,
  cause: Cause,
): Write[] {
  const row =
    candidate.revision === 0
      ? createCandidate({ ...candidate, ...set })
      : set && updateCandidate(candidate, set);
  return [
    ...(row === null ? [] : [row]),
    ...events.map((fact) => candidateEvent(candidate, cause, ...fact)),
  ];
}

/** Sends a candidate to the stage that a transition names, once its writes are made. */
export async function sendOn(
  services: Services,
  { account, module, id }: Candidate,
  { next }: Transition,
): Promise<void> {
  if (next !== null) await enqueue(services, next, [{ account, module, version_id: id }]);
}

/** Claims a candidate until `until`. Of two schedulers, one wins. Returns whether this one did. */
export async function claimCandidate(
  services: Services,
  candidate: Candidate,
  until: string,
): Promise<boolean> {
  const next = transition(candidate, { kind: 'claimed', until }, services.now());
  if (next === null || next.set === null) return false;

  try {
    await transact(services.db, [updateCandidate(candidate, next.set)]);
    return true;
  } catch (error) {
    if (isGantryError(error, 'conflict')) return false;
    throw error;
  }
}
