import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type FreezeWindow,
  faultOfWindow,
  freezeAt,
} from '../../../shared/domain/operations/index.ts';

const zones = ['UTC', 'Europe/Zurich', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const start = Date.parse('2026-01-01T00:00:00Z');

const clocks = new Map(
  zones.map((zone) => [
    zone,
    new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    }),
  ]),
);

/** What a clock in the zone shows, in the three forms of a window. */
function shown(zone: string, ms: number): { time: string; week: string; date: string } {
  const parts = clocks.get(zone)?.formatToParts(ms) ?? [];
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
  const time = `${part('hour')}:${part('minute')}`;
  const weekday = part('weekday').slice(0, 3).toLowerCase();

  return {
    time,
    week: `${days.indexOf(weekday)} ${time}`,
    date: `${part('year')}-${part('month')}-${part('day')} ${time}`,
  };
}

/** Whether the clock is in the window, without a thought of clocks that are changed. */
function isIn({ from, to, time_zone }: FreezeWindow, ms: number): boolean {
  const clock = shown(time_zone, ms);
  if (/^\d{4}-/.test(from)) return from <= clock.date && clock.date < to;

  const weekly = from.length > 5;
  const of = (text: string) => `${days.indexOf(text.slice(0, 3))}${text.slice(3)}`;
  const [now, begin, end] = weekly ? [clock.week, of(from), of(to)] : [clock.time, from, to];
  return begin < end ? begin <= now && now < end : begin <= now || now < end;
}

/** Whether the zone's clock is changed within four hours of a time. */
function changes(zone: string, ms: number): boolean {
  const offset = (at: number) => Date.parse(`${shown(zone, at).date.replace(' ', 'T')}Z`) - at;
  return offset(ms - 4 * hourMs) !== offset(ms + 4 * hourMs);
}

const two = (n: number) => String(n).padStart(2, '0');
const clock = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map(([hour, minute]) => `${two(hour)}:${two(minute)}`);
const weekly = fc.tuple(fc.constantFrom(...days), clock).map((parts) => parts.join(' '));
const once = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 }), clock)
  .map(([month, day, time]) => `2026-${two(month)}-${two(day)} ${time}`);

const anyWindow = fc
  .oneof(fc.tuple(clock, clock), fc.tuple(weekly, weekly), fc.tuple(once, once))
  .chain(([from, to]) =>
    fc.constantFrom(...zones).map((time_zone): FreezeWindow => ({ from, to, time_zone })),
  )
  .filter((window) => faultOfWindow(window) === null);
const anyTime = fc.integer({ min: 0, max: 365 * 24 * 60 }).map((n) => start + n * minuteMs);

it('a time is frozen exactly while a clock of the zone is in the window', () => {
  fc.assert(
    fc.property(anyWindow, anyTime, (window, ms) => {
      const frozen = freezeAt([window], new Date(ms)) !== null;
      // When a clock is changed, the longer freeze counts.
      if (isIn(window, ms) || !changes(window.time_zone, ms)) expect(frozen).toBe(isIn(window, ms));
    }),
    { numRuns: Number(process.env.GANTRY_CASES ?? 2000) },
  );
});

it('a freeze of several windows ends at its first time that no window has', () => {
  fc.assert(
    fc.property(fc.array(anyWindow, { minLength: 1, maxLength: 4 }), anyTime, (windows, ms) => {
      const freeze = freezeAt(windows, new Date(ms));
      if (freeze === null || freeze.ends_at === null) return;

      const end = Date.parse(freeze.ends_at);
      expect(end).toBeGreaterThan(ms);
      expect(freezeAt(windows, new Date(end))).toBeNull();
      for (const part of [0.25, 0.5, 0.75, 1])
        expect(freezeAt(windows, new Date(ms + (end - 1 - ms) * part))?.ends_at).toBe(
          freeze.ends_at,
        );
    }),
    { numRuns: 300 },
  );
});
