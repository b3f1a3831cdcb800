import { GantryError } from '../base/error.ts';
import { newId } from '../base/ids.ts';
import { correlationId } from '../base/log-context.ts';
import type { EventData, EventType, GantryEvent } from '../contract/events/index.ts';
import { entity, type Write } from './table/index.ts';

/**
 * The outbox: an event is written in the transaction of its change, and the table's stream carries
 * it to the bus. So events and changes cannot disagree.
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
  key: { pk: '${account}#event#${id}', sk: 'event' },
});

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
