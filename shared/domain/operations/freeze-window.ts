import { Temporal } from 'temporal-polyfill';
import { limits } from '../../base/limits/index.ts';

/**
 * A time in which an action is frozen, on the clock of a time zone. `from` and `to` have one form:
 * `22:00` for every day, `fri 17:00` for every week, `2026-12-24 12:00` for once. The end itself is
 * not frozen. An end that is not after the start is on the next day, or in the next week.
 */
export interface FreezeWindow {
  from: string;
  to: string;
  /** IANA name, such as `Europe/Zurich`. */
  time_zone: string;
}

/** A freeze in force. `ends_at` is null if no end is in sight. */
export interface Freeze {
  ends_at: string | null;
}

const weekdays: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** Which dates a window comes back on. */
type Period = 'daily' | 'weekly' | 'once';

interface Point {
  period: Period;
  /** Of a weekly one: 1 is Monday. */
  weekday: number;
  date: Temporal.PlainDate | null;
  time: Temporal.PlainTime;
}

interface ParsedWindow {
  period: Period;
  from: Point;
  to: Point;
  time_zone: string;
}

/** Milliseconds since 1970: the first that is frozen, and the first that is not. */
interface Span {
  start: number;
  end: number;
}

const pointPattern =
  /^(?:(?<day>mon|tue|wed|thu|fri|sat|sun) |(?<date>\d{4}-\d{2}-\d{2}) )?(?<time>(?:[01]\d|2[0-3]):[0-5]\d)$/;

function parsePoint(text: string): Point | null {
  const { day, date, time = '' } = pointPattern.exec(text)?.groups ?? {};

  // Dates and times that do not exist throw, as an empty time does.
  try {
    return {
      period: day !== undefined ? 'weekly' : date !== undefined ? 'once' : 'daily',
      weekday: weekdays.indexOf(day ?? '') + 1,
      date: date === undefined ? null : Temporal.PlainDate.from(date),
      time: Temporal.PlainTime.from(time),
    };
  } catch {
    return null;
  }
}

/** A window whose texts are understood, or what is wrong with them. */
function parseWindow({ from, to, time_zone }: FreezeWindow): ParsedWindow | string {
  const [start, end] = [parsePoint(from), parsePoint(to)];
  const forms = '"22:00", "fri 17:00" or "2026-12-24 12:00"';
  if (start === null) return `expected from like ${forms}, found "${from}"`;
  if (end === null) return `expected to like ${forms}, found "${to}"`;

  if (start.period !== end.period)
    return `expected from and to in the same form, found "${from}" and "${to}"`;
  if (from === to) return `expected from and to to differ, found "${from}" twice`;
  if (start.period === 'once' && from > to)
    return `expected to after from, found "${from}" to "${to}"`;
  if (!isTimeZone(time_zone))
    return `expected a time zone like "Europe/Zurich" or "UTC", found "${time_zone}"`;

  return { period: start.period, from: start, to: end, time_zone };
}

/** Offsets such as `+01:00` are no zones: they do not follow the clock of any place. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with a window; null if it is valid. */
export function faultOfWindow(window: FreezeWindow): string | null {
  const parsed = parseWindow(window);
  return typeof parsed === 'string' ? parsed : null;
}

/** A window as people read and write it: "fri 17:00 to mon 08:00 Europe/Zurich". */
export function windowText({ from, to, time_zone }: FreezeWindow): string {
  return `${from} to ${to} ${time_zone}`;
}

/** Reads the text of `windowText`; null if it has another form. */
export function parseWindowText(text: string): FreezeWindow | null {
  const groups = /^(?<from>.+?) to (?<to>.+) (?<time_zone>\S+)$/.exec(text.trim())?.groups;
  if (groups === undefined) return null;

  const { from = '', to = '', time_zone = '' } = groups;
  return { from: from.toLowerCase(), to: to.toLowerCase(), time_zone };
}

/**
 * The freeze that is in force at a time; null if none is. Windows that meet or overlap are one
 * freeze. A window that cannot be read freezes, because nothing says when it does not.
 */
export function freezeAt(windows: readonly FreezeWindow[], at: Date): Freeze | null {
  const readable = windows.map(parseWindow).filter((one) => typeof one !== 'string');
  if (readable.length < windows.length) return { ends_at: null };

  let end = endOfSpans(readable, at.getTime());
  if (end === null) return null;

  for (let met = 0; met < limits.freezeSpansMax; met += 1) {
    const next = endOfSpans(readable, end);
    if (next === null) return { ends_at: new Date(end).toISOString() };
    end = next;
  }

  return { ends_at: null };
}

/** The latest end of the spans that a time is in; null if it is in none. */
function endOfSpans(windows: readonly ParsedWindow[], at: number): number | null {
  const ends = windows
    .flatMap((window) => spansAround(window, at))
    .filter(({ start, end }) => start <= at && at < end)
    .map(({ end }) => end);
  return ends.length === 0 ? null : Math.max(...ends);
}

/** The spans of a window that a time may be in: the one that began last, and the one before. */
function spansAround(window: ParsedWindow, at: number): Span[] {
  const { period, from, to, time_zone } = window;
  if (from.date !== null && to.date !== null)
    return [spanOf(window, { start: from.date, end: to.date })];

  const today = Temporal.Instant.fromEpochMilliseconds(at)
    .toZonedDateTimeISO(time_zone)
    .toPlainDate();
  const every = period === 'weekly' ? 7 : 1;
  const since = period === 'weekly' ? (today.dayOfWeek - from.weekday + 7) % 7 : 0;
  const days = (to.weekday - from.weekday + 7) % 7;
  const wraps = days === 0 && Temporal.PlainTime.compare(to.time, from.time) <= 0;

  return [since, since + every].map((before) => {
    const start = today.subtract({ days: before });
    return spanOf(window, { start, end: start.add({ days: wraps ? every : days }) });
  });
}

/**
 * Where the clock skips or repeats a time, the longer freeze counts: it starts at the earlier and
 * ends at the later of the two instants.
 */
function spanOf(
  { from, to, time_zone }: ParsedWindow,
  dates: { start: Temporal.PlainDate; end: Temporal.PlainDate },
): Span {
  const instant = (
    date: Temporal.PlainDate,
    { time }: Point,
    disambiguation: 'earlier' | 'later',
  ) => date.toPlainDateTime(time).toZonedDateTime(time_zone, { disambiguation }).epochMilliseconds;

  return {
    start: instant(dates.start, from, 'earlier'),
    end: instant(dates.end, to, 'later'),
  };
}
