import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type Flags, parseWholeNumber } from '../command.ts';
import { readTime } from '../input/duration.ts';
import { formatEventLine, formatEvents, type ListedEvent } from '../output/events.ts';
import { type ExitCode, print } from '../run.ts';
import { type Api, connect } from './api.ts';

export interface EventFlags extends Flags {
  since?: string;
  kind?: string;
  limit: number;
  follow?: true;
}

/** How often `--follow` asks, and for how many events at most. */
const followEveryMs = 2000;
const followedMax = 1000;

/**
 * How far `--follow` looks back: an event has the time at which its change began, and is listed
 * when the change was written and the index shows it.
 */
const followBackMs = 120_000;

/** Adds the options of commands that list events. */
export function addEventOptions(command: Command): Command {
  return command
    .option('--since <time>', 'only later events: ISO 8601, or 30m, 2h or 7d ago')
    .option('--kind <type>', 'only events of a type or a noun, such as version.promoted or version')
    .option('--limit <number>', 'how many events, at most 1000', parseWholeNumber, 50)
    .option('--follow', 'print new events as they come, until interrupted');
}

/**
 * Prints events, newest first; with `--follow` also later ones, newest last.
 * @param about finds the object that the events are about, such as `module/my-redis`
 */
export async function showEvents(
  flags: EventFlags,
  about: (api: Api) => Promise<string | undefined>,
): Promise<ExitCode> {
  const api = await connect();
  const query = { about: await about(api), kind: kindOf(flags), since: sinceOf(flags, new Date()) };
  const { events } = await api.client.get(api.responses.events, '/events', {
    ...query,
    limit: String(flags.limit),
  });

  if (!flags.follow) {
    print(flags.json, { events }, () => formatEvents(events));
    return 0;
  }

  // Of a full list, what is older stays unprinted.
  const begin = events.length < flags.limit ? undefined : events.at(-1)?.at;
  return follow(api, events.reverse(), { json: flags.json, query, begin: begin ?? query.since });
}

async function follow(
  api: Api,
  first: ListedEvent[],
  {
    json,
    query,
    begin = '',
  }: {
    json: true | undefined;
    query: Record<string, string | undefined>;
    begin: string | undefined;
  },
): Promise<ExitCode> {
  process.once('SIGINT', () => process.exit(0));
  const fresh = newEvents(first);
  let newest = '';

  for (let events = first; ; ) {
    for (const event of events) {
      if (event.at > newest) newest = event.at;
      process.stdout.write(`${json ? JSON.stringify(event) : formatEventLine(event)}\n`);
    }

    await sleep(followEveryMs);
    const asked = { ...query, since: lookBack(begin, newest), limit: String(followedMax) };
    const page = await api.client.get(api.responses.events, '/events', asked);
    events = fresh(page.events.reverse());
  }
}

/**
 * The time from which events are asked for again: some time before the newest one, but not before
 * the beginning. Undefined if there is neither.
 */
export function lookBack(begin: string, newest: string): string | undefined {
  const back = newest === '' ? '' : new Date(Date.parse(newest) - followBackMs).toISOString();
  const since = back > begin ? back : begin;
  return since === '' ? undefined : since;
}

/** Returns a function that keeps the events that it, or the first list, did not have before. */
export function newEvents(
  first: readonly ListedEvent[],
): (events: readonly ListedEvent[]) => ListedEvent[] {
  let seen = new Set(first.map(({ id }) => id));
  return (events) => {
    const found = events.filter(({ id }) => !seen.has(id));
    // What is not listed again has left the time that is looked back at.
    seen = new Set(events.map(({ id }) => id));
    return found;
  };
}

function kindOf({ kind }: EventFlags): string | undefined {
  return kind === undefined || kind.startsWith('gantry') ? kind : `gantry.${kind}`;
}

/** The time of `--since`. @throws GantryError `usage` for a text that is none */
export function sinceOf({ since }: Pick<EventFlags, 'since'>, now: Date): string | undefined {
  return since === undefined ? undefined : readTime(since, { flag: '--since', now, sign: -1 });
}
