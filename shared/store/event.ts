import { Entity } from 'electrodb';
import { GantryError } from '../base/error.ts';
import { newId } from '../base/ids.ts';
import { correlationId } from '../base/log-context.ts';
import type { EventData, EventType, GantryEvent } from '../contract/events/index.ts';
import { create, json, key, service, text, type Write } from './db.ts';

/**
 * The outbox: an event is written in the transaction of the change that it tells of, and the table's stream carries it
 * to the bus. Nothing is announced that did not happen, nothing happens unannounced.
 */
const events = new Entity(
  {
    model: { entity: 'event', version: '1', service },
    attributes: {
      account: text,
      id: text,
      type: json<EventType>(),
      subject: text,
      actor: text,
      at: text,
      correlation_id: json<string | null>(),
      data: json<Record<string, unknown>>(),
    },
    indexes: {
      primary: {
        pk: key('pk', ['account', 'id'], '${account}#event#${id}'),
        sk: key('sk', [], 'event'),
      },
    },
  } as const,
  { table: 'table' },
);

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
  return create(
    events.create({ ...event, id, correlation_id: correlationId() ?? null } as never).params(),
    () => new GantryError('internal', `event ${id} exists already`),
  );
}
