import type { z } from 'zod';
import type { listedEventSchema } from '../../shared/contract/operations/index.ts';
import { table } from './table.ts';

export type ListedEvent = z.output<typeof listedEventSchema>;

/** Keys of the data that say no more than the other columns. */
const saidElsewhere = ['about', 'operation_id', 'actions'];

/** Formats events as a table, in the order given. */
export function formatEvents(events: readonly ListedEvent[]): string {
  return table(
    ['TIME', 'EVENT', 'BY', 'DETAILS'],
    events.map((event) => [event.at, nameOf(event), event.by, formatDetails(event)]),
    'There are no such events.',
  );
}

/** Formats an event as one line, for output that continues. */
export function formatEventLine(event: ListedEvent): string {
  return formatEvents([event]).split('\n').at(-1) ?? '';
}

function nameOf({ type }: ListedEvent): string {
  return type.replace(/^gantry\./, '');
}

/** What the data of an event says, after the object that changed. */
function formatDetails({ subject, data }: ListedEvent): string {
  const { module, version, ...rest } = data;
  const named = typeof module === 'string' && typeof version === 'string';
  const facts = Object.entries(named ? rest : data)
    .filter(([key, value]) => value !== null && !saidElsewhere.includes(key))
    .map(([key, value]) => `${key.replaceAll('_', ' ')} ${textOf(value)}`);

  return [named ? `${module}@${version}` : subject, ...facts].join(', ');
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(' ') || 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
