import type { EventData, EventType } from '../contract/events/index.ts';
import { putEvent } from './event.ts';
import type { Write } from './table/index.ts';

/** Who caused an event, and when. */
export interface Cause {
  /** `member:<id>`, `token:<id>`, `instance:<id>` or `gantry:<stage>`. */
  actor: string;
  /** ISO 8601. */
  at: string;
}

/** Names of a noun's events: `verified` for `gantry.candidate.verified`. */
type EventName<Noun extends string> = EventType extends infer Type
  ? Type extends `gantry.${Noun}.${infer Name}`
    ? Name
    : never
  : never;

/** An event's name, and what it says besides what every event of the noun says. */
type Fact<Noun extends string, Common> = {
  [Name in EventName<Noun>]: readonly [
    name: Name,
    data: Omit<EventData<Extract<EventType, `gantry.${Noun}.${Name}`>>, keyof Common>,
  ];
}[EventName<Noun>];

/**
 * Makes the function that writes a noun's events: `candidateEvent(candidate, cause, 'verified',
 * {})`.
 * @param describe account and subject of an event about a row, and the data that every event of the
 * noun has
 */
export function eventMaker<const Noun extends string, Row, Common extends object>(
  noun: Noun,
  describe: (row: Row) => { account: string; subject: string; data: Common },
): (row: Row, cause: Cause, ...fact: Fact<Noun, Common>) => Write;

// The types of all events stay out of the body: checking it with them takes most of a compilation.
export function eventMaker<Row>(
  noun: string,
  describe: (row: Row) => { account: string; subject: string; data: object },
): unknown {
  return (row: Row, { actor, at }: Cause, name: string, data: object): Write => {
    const { account, subject, data: common } = describe(row);
    const type = `gantry.${noun}.${name}` as EventType;
    return putEvent({ type, account, subject, actor, at, data: { ...common, ...data } });
  };
}
