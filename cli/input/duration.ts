import { type Command, InvalidArgumentError, Option } from 'commander';
import { GantryError } from '../../shared/base/error.ts';

const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

/** How the help of each option that takes a duration names it. */
export const durationForm = 'such as 90s, 30m, 12h, 30d or 2w';

/** Seconds of `90s`, `30m`, `12h`, `30d` or `2w`; null for another text. */
function readDuration(text: string): number | null {
  const [, count, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  return unit === undefined ? null : Number(count) * unitSeconds[unit as keyof typeof unitSeconds];
}

/** Parses a duration into seconds; a number without a unit is one of seconds. */
export function parseDuration(text: string): number {
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : readDuration(text);
  if (seconds === null) throw new InvalidArgumentError(`Expected a duration ${durationForm}.`);
  return seconds;
}

/** Adds the option that bounds how long a command waits. */
export function addTimeout(command: Command, seconds: number): Command {
  const about = `maximum time to wait, ${durationForm}`;
  const option = new Option('--timeout <duration>', about).argParser(parseDuration);
  return command.addOption(option.default(seconds, `${seconds / unitSeconds.m}m`));
}

/** A date, or a time that says its zone: any other is another time on another machine. */
const isoTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

/**
 * The time, ISO 8601, UTC, that an option names itself or by its distance from now.
 * @param sign -1 for a distance into the past
 * @throws GantryError `usage` for a text that is neither
 */
export function readTime(
  text: string,
  { flag, now, sign }: { flag: string; now: Date; sign: -1 | 1 },
): string {
  const seconds = readDuration(text);
  const time = isoTime.test(text) ? Date.parse(text) : Number.NaN;
  const found = new Date(seconds === null ? time : now.getTime() + sign * seconds * 1000);
  if (!Number.isNaN(found.getTime())) return found.toISOString();

  throw new GantryError(
    'usage',
    `expected ${flag} as 30m, 12h, 7d, 2w or 2026-12-01T00:00:00Z, found "${text}"`,
  );
}
