import { z } from 'zod';
import { accountsEvents } from './accounts.ts';
import { composeEvents } from './compose.ts';
import { machinesEvents } from './machines.ts';
import { modulesEvents } from './modules.ts';
import { operationsEvents } from './operations.ts';
import { pollEvents } from './poll.ts';
import { reconcileEvents } from './reconcile.ts';
import { registriesEvents } from './registries.ts';
import { templatesEvents } from './templates.ts';
import { upkeepEvents } from './upkeep.ts';
import { verifyEvents } from './verify.ts';

/**
 * The CloudEvents that Gantry sends, named `gantry.<noun>.<verb>` with the verb in the past tense.
 * Each has its subject, when it is sent and the keys of its data (`?` means optional), for the type
 * checker and docs/reference/events.md.
 */
export const eventFacts = {
  ...accountsEvents,
  ...registriesEvents,
  ...modulesEvents,
  ...pollEvents,
  ...verifyEvents,
  ...operationsEvents,
  ...templatesEvents,
  ...composeEvents,
  ...machinesEvents,
  ...reconcileEvents,
  ...upkeepEvents,
} as const;

export type EventType = keyof typeof eventFacts;

export const eventTypes = Object.keys(eventFacts) as [EventType, ...EventType[]];

type DataKey<Type extends EventType> = (typeof eventFacts)[Type]['data'][number];

/** The data of an event: exactly the keys that `eventFacts` lists. */
export type EventData<Type extends EventType> = {
  [Key in DataKey<Type> as Key extends `${string}?` ? never : Key]: unknown;
} & { [Key in DataKey<Type> as Key extends `${infer Name}?` ? Name : never]?: unknown };

/**
 * An event, stored in the transaction of its change and then sent in the form of `toCloudEvent`.
 */
export const eventSchema = z.object({
  id: z.string(),
  type: z.enum(eventTypes),
  account: z.string(),
  /** The object that changed, such as `module/my-redis` or `version/ver_…`. */
  subject: z.string(),
  /** Who made the change: `member:<id>`, `token:<id>`, `instance:<id>` or `gantry:<stage>`. */
  actor: z.string(),
  at: z.iso.datetime(),
  /** The flow that it belongs to; null if no request caused it. */
  correlation_id: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});

export type GantryEvent = z.infer<typeof eventSchema>;

/** Converts an event to the JSON form of CloudEvents 1.0. */
export function toCloudEvent(event: GantryEvent) {
  return {
    specversion: '1.0',
    id: event.id,
    type: event.type,
    source: `/gantry/accounts/${event.account}`,
    subject: event.subject,
    time: event.at,
    datacontenttype: 'application/json',
    actor: event.actor,
    ...(event.correlation_id === null ? {} : { correlationid: event.correlation_id }),
    data: event.data,
  };
}
