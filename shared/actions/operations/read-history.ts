import type { GantryEvent } from '../../contract/events/index.ts';
import { listEvents } from '../../store/event.ts';
import type { Services } from '../context/index.ts';
import { readNames } from './name-of.ts';

export interface HistoryFilter {
  /** The topic of the events, such as `module/my-redis`. */
  about?: string;
  /** ISO 8601. Earlier events are left out. */
  since?: string;
}

/**
 * Reads part of the events of an account, newest first, after the place of an event's id. The last
 * part has fewer than `limit`.
 */
export async function readHistory(
  { db }: Services,
  account: string,
  { about, since = '' }: HistoryFilter,
  part: { limit: number; after: string },
): Promise<GantryEvent[]> {
  const of = { account, topic: about ?? null };
  const events = await listEvents(db, of, part.limit, part.after);
  return events.filter(({ at }) => at >= since);
}

/** Whether an event is of a type, or of a noun such as `gantry.version`. */
export function isOfKind({ type }: GantryEvent, kind: string | undefined): boolean {
  return kind === undefined || type === kind || type.startsWith(`${kind}.`);
}

/** Events with the names of those who caused them. */
export async function nameActors(
  services: Services,
  account: string,
  events: readonly GantryEvent[],
): Promise<(GantryEvent & { by: string })[]> {
  const actors = events.map(({ actor }) => actor);
  const name = await readNames(services, account, actors);
  return events.map((event) => ({ ...event, by: name(event.actor) }));
}
