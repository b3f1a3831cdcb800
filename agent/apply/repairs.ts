import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { AgentState } from '../state.ts';

type Repairs = AgentState['repairs'];

/**
 * Counts that a root that was tampered with was laid out again. After a calm time the count starts
 * again.
 */
export function countRepair({ count, last_at }: Repairs, now: Date): Repairs {
  const calmMs = 2 * limits.agentRepairWaitMaxMs;
  const isCalm = last_at === null || now.getTime() - Date.parse(last_at) >= calmMs;
  return { count: isCalm ? 1 : count + 1, last_at: now.toISOString() };
}

/**
 * Requires that a root may be laid out again now. The first repair is immediate; then the time
 * between two repairs doubles, up to an hour: an unprivileged process that tampers repeatedly
 * costs the machine no new root each minute.
 *
 * @throws `root_tampered` with the time of the next repair.
 */
export function requireRepairDue({ count, last_at }: Repairs, now: Date): void {
  if (count < 2 || last_at === null) return;

  const last = Date.parse(last_at);
  const waitMs = Math.min(limits.agentTickMs * 2 ** (count - 1), limits.agentRepairWaitMaxMs);
  const next = last + waitMs;
  // A clock that was set back must not make the wait longer.
  if (now.getTime() >= next || now.getTime() < last) return;

  throw new GantryError(
    'root_tampered',
    `The root file system was laid out again ${count} times and tampered with again; it is laid out again after ${new Date(next).toISOString()}.`,
  );
}
