import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { eventSchema, type GantryEvent, toCloudEvent } from '../../contract/events/index.ts';

/** A record of the table's stream; writes of other entities are ignored. */
interface StreamRecord {
  eventName?: string | undefined;
  dynamodb?: { NewImage?: unknown } | undefined;
}

/**
 * Sends the events among a stream's records to the bus as CloudEvents, and returns them.
 *
 * @throws when the bus does not accept one of them; the stream then delivers the records again
 */
export async function publishEvents(
  client: EventBridgeClient,
  bus: string,
  records: StreamRecord[],
): Promise<GantryEvent[]> {
  const events = records.flatMap(eventOf);
  for (let i = 0; i < events.length; i += 10) {
    const out = await client.send(
      new PutEventsCommand({
        Entries: events.slice(i, i + 10).map((event) => ({
          EventBusName: bus,
          Source: 'gantry',
          DetailType: event.type,
          Time: new Date(event.at),
          Detail: JSON.stringify(toCloudEvent(event)),
        })),
      }),
    );
    if ((out.FailedEntryCount ?? 0) > 0) {
      const failed = out.Entries?.find((entry) => entry.ErrorCode !== undefined);
      throw new Error(`the bus refused an event: ${failed?.ErrorCode} ${failed?.ErrorMessage}`);
    }
  }

  return events;
}

function eventOf(record: StreamRecord): GantryEvent[] {
  const image = record.dynamodb?.NewImage;
  if (record.eventName !== 'INSERT' || image === undefined) return [];
  const item = unmarshall(image as Record<string, AttributeValue>);
  return item.__edb_e__ === 'event' ? [eventSchema.parse(item)] : [];
}
