import { GantryError } from '../base/error.ts';
import { newId } from '../base/ids.ts';
import { limits } from '../base/limits/index.ts';
import { correlationId } from '../base/log-context.ts';
import { daySeconds } from '../base/time.ts';
import type { EventData, EventType, GantryEvent } from '../contract/events/index.ts';
import { type Db, entity, type Write } from './table/index.ts';

/**
 * The outbox: an event is written in the transaction of its change, and the table's stream carries
 * it to the bus. So events and changes cannot disagree. The rows stay for a while: they are the
 * history of an account.
 */
const events = entity<GantryEvent>()({
  name: 'event',
  attributes: {
    account: 'text',
    id: 'text',
    type: 'text',
    subject: 'text',
    actor: 'text',
    at: 'text',
    correlation_id: 'json',
    data: 'json',
  },
  derived: {
    topic: { kind: 'text', of: topicOf },
    ttl: { kind: 'number', of: expiryOf },
  },
  shards: { count: 4, of: ({ id }) => id },
  key: { pk: '${account}#event#${id}', sk: 'event' },
  lists: {
    byAccount: { index: 'gsi1', pk: '${account}#events#${shard}', sk: '${id}' },
    byTopic: { index: 'gsi2', pk: '${account}#events-of#${topic}', sk: '${id}' },
  },
});

/**
 * The object in whose history an event belongs: a version is part of its module, an assignment of
 * its template, and an operation says what it is about.
 */
export function topicOf({ subject, data }: Pick<GantryEvent, 'subject' | 'data'>): string {
  const [noun, id] = subject.split('/');
  const { about, module, template_id } = data;
  if (typeof about === 'string') return about;
  if (noun === 'version' && typeof module === 'string') return `module/${module}`;
  if (noun === 'assignment' && typeof template_id === 'string') return `template/${template_id}`;
  // A warning may be about a track of a template.
  if (noun === 'template') return `template/${id}`;
  return subject;
}

function expiryOf({ at }: GantryEvent): number {
  return Math.ceil(Date.parse(at) / 1000) + limits.eventsKeptDays * daySeconds;
}

/**
 * Events of an account, newest first, after the place of an event's id.
 * @param of.topic such as `module/my-redis`; null for all
 */
export async function listEvents(
  db: Db,
  { account, topic }: { account: string; topic: string | null },
  limit: number,
  after = '',
): Promise<GantryEvent[]> {
  const range = { limit, after, newestFirst: true };
  const { rows } =
    topic === null
      ? await events.list(db, 'byAccount', { account }, range)
      : await events.list(db, 'byTopic', { account, topic }, range);
  return rows;
}

export function createEvent<Type extends EventType>(
  event: Omit<GantryEvent, 'id' | 'type' | 'data' | 'correlation_id'> & {
    type: Type;
    data: EventData<Type>;
  },
): Write {
  return putEvent(event);
}

/** As `createEvent`, for a caller that has checked that type and data belong together. */
export function putEvent(event: Omit<GantryEvent, 'id' | 'correlation_id'>): Write {
  const id = newId('event');
  return events.create(
    { ...event, id, correlation_id: correlationId() ?? null },
    () => new GantryError('internal', `event ${id} exists already`),
  );
}
