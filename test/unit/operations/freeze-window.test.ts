import { describe, expect, it } from 'vitest';
import {
  type FreezeWindow,
  faultOfWindow,
  freezeAt,
  parseWindowText,
  windowText,
} from '../../../shared/domain/operations/index.ts';

function freeze(text: string): FreezeWindow {
  const window = parseWindowText(text);
  if (window === null) throw new Error(`expected a window, found ${text}`);
  return window;
}

/** When the freeze at a time ends; `free` if there is none. */
function endAt(at: string, ...texts: string[]): string | null {
  const found = freezeAt(texts.map(freeze), new Date(at));
  return found === null ? 'free' : found.ends_at;
}

const weekend = 'fri 17:00 to mon 08:00 Europe/Zurich';
const night = '22:00 to 06:00 UTC';
const holidays = '2026-12-24 12:00 to 2027-01-04 08:00 Europe/Zurich';

describe('a freeze', () => {
  it.each([
    // A week: Zurich is UTC+1 in January. 2026-01-02 is a Friday.
    [weekend, '2026-01-02T15:59:59.999Z', 'free'],
    [weekend, '2026-01-02T16:00:00.000Z', '2026-01-05T07:00:00.000Z'],
    [weekend, '2026-01-04T12:00:00.000Z', '2026-01-05T07:00:00.000Z'],
    [weekend, '2026-01-05T06:59:59.999Z', '2026-01-05T07:00:00.000Z'],
    [weekend, '2026-01-05T07:00:00.000Z', 'free'],
    [weekend, '2026-01-07T12:00:00.000Z', 'free'],
    // Over midnight.
    [night, '2026-01-02T21:59:59.999Z', 'free'],
    [night, '2026-01-02T22:00:00.000Z', '2026-01-03T06:00:00.000Z'],
    [night, '2026-01-03T00:00:00.000Z', '2026-01-03T06:00:00.000Z'],
    [night, '2026-01-03T06:00:00.000Z', 'free'],
    // Within a day, and a day of the week.
    ['09:00 to 17:00 UTC', '2026-01-02T12:00:00.000Z', '2026-01-02T17:00:00.000Z'],
    ['09:00 to 17:00 UTC', '2026-01-02T08:00:00.000Z', 'free'],
    ['fri 09:00 to fri 17:00 UTC', '2026-01-02T12:00:00.000Z', '2026-01-02T17:00:00.000Z'],
    ['fri 09:00 to fri 17:00 UTC', '2026-01-03T12:00:00.000Z', 'free'],
    // All of a week but an hour.
    ['mon 09:00 to mon 08:00 UTC', '2026-01-05T07:59:00.000Z', '2026-01-05T08:00:00.000Z'],
    ['mon 09:00 to mon 08:00 UTC', '2026-01-05T08:30:00.000Z', 'free'],
    ['mon 09:00 to mon 08:00 UTC', '2026-01-05T09:00:00.000Z', '2026-01-12T08:00:00.000Z'],
    // Once.
    [holidays, '2026-12-24T10:59:59.999Z', 'free'],
    [holidays, '2026-12-24T11:00:00.000Z', '2027-01-04T07:00:00.000Z'],
    [holidays, '2027-01-04T07:00:00.000Z', 'free'],
    // The other side of the date line: it is Saturday there.
    [
      'sat 00:00 to sun 00:00 Pacific/Auckland',
      '2026-01-02T12:00:00.000Z',
      '2026-01-03T11:00:00.000Z',
    ],
  ])('of %s at %s ends: %s', (window, at, end) => {
    expect(endAt(at, window)).toBe(end);
  });

  it.each([
    // Summer time begins on 2026-03-29: Zurich goes from UTC+1 to UTC+2 in this weekend.
    [weekend, '2026-03-28T12:00:00.000Z', '2026-03-30T06:00:00.000Z'],
    // And back on 2026-10-25.
    [weekend, '2026-10-24T12:00:00.000Z', '2026-10-26T07:00:00.000Z'],
    // 02:30 is skipped on 2026-03-29: the freeze begins an hour early and ends an hour late.
    ['02:30 to 12:00 Europe/Zurich', '2026-03-29T00:29:59.000Z', 'free'],
    ['02:30 to 12:00 Europe/Zurich', '2026-03-29T00:30:00.000Z', '2026-03-29T10:00:00.000Z'],
    ['00:00 to 02:30 Europe/Zurich', '2026-03-29T01:29:59.000Z', '2026-03-29T01:30:00.000Z'],
    ['00:00 to 02:30 Europe/Zurich', '2026-03-29T01:30:00.000Z', 'free'],
    // 02:30 comes twice on 2026-10-25: from the first one, to the second one.
    ['02:30 to 12:00 Europe/Zurich', '2026-10-25T00:30:00.000Z', '2026-10-25T11:00:00.000Z'],
    ['00:00 to 02:30 Europe/Zurich', '2026-10-25T01:29:59.000Z', '2026-10-25T01:30:00.000Z'],
    ['00:00 to 02:30 Europe/Zurich', '2026-10-25T01:30:00.000Z', 'free'],
  ])('follows the clock of its zone: %s at %s ends %s', (window, at, end) => {
    expect(endAt(at, window)).toBe(end);
  });

  it('of windows that meet or overlap ends with the last of them', () => {
    expect(endAt('2026-01-02T23:00:00.000Z', night, '06:00 to 07:30 UTC')).toBe(
      '2026-01-03T07:30:00.000Z',
    );
    expect(
      endAt('2026-12-23T23:00:00.000Z', night, '2026-12-24 05:00 to 2026-12-27 12:00 UTC'),
    ).toBe('2026-12-27T12:00:00.000Z');
  });

  it('has no end in sight if its windows leave no gap', () => {
    expect(endAt('2026-01-02T23:00:00.000Z', night, '06:00 to 22:00 UTC')).toBeNull();
  });

  it('is in force if a window cannot be read', () => {
    const window = { from: 'fri 17:00', to: 'mon 08:00', time_zone: 'Mars/Olympus' };
    expect(freezeAt([window], new Date())).toEqual({ ends_at: null });
    expect(freezeAt([], new Date())).toBeNull();
  });
});

describe('a window', () => {
  it.each([weekend, night, holidays])('%s is valid, and reads as it is written', (text) => {
    const window = freeze(text);
    expect(faultOfWindow(window)).toBeNull();
    expect(windowText(window)).toBe(text);
  });

  it.each([
    ['17:00', 'mon 08:00', 'UTC', 'same form'],
    ['24:00', '25:00', 'UTC', 'from like'],
    ['fri 17:00', 'fri 17:00', 'UTC', 'differ'],
    ['Friday', 'mon 08:00', 'UTC', 'from like'],
    ['fri 17:00', 'mon', 'UTC', 'to like'],
    ['2026-02-30 12:00', '2026-03-01 12:00', 'UTC', 'from like'],
    ['2027-01-01 12:00', '2026-12-31 12:00', 'UTC', 'to after from'],
    ['17:00', '18:00', 'Mars/Olympus', 'time zone'],
    ['17:00', '18:00', '+01:00', 'time zone'],
    ['17:00', '18:00', '2026-01-01T00:00+01:00[Europe/Zurich]', 'time zone'],
    ['at 17:00', '18:00', 'UTC', 'from like'],
    ['17:00:30', '18:00', 'UTC', 'from like'],
  ])('from %s to %s %s is refused: expected %s', (from, to, time_zone, sentence) => {
    expect(faultOfWindow({ from, to, time_zone })).toContain(sentence);
  });

  it('is read without the white space around it', () => {
    expect(parseWindowText(` ${weekend}\n`)).toEqual(freeze(weekend));
  });

  it.each([
    'fri 17:00',
    'fri 17:00 - mon 08:00 UTC',
    '',
    `frozen\n${weekend}`,
    `${weekend}\nnow and then`,
  ])('"%s" is no window', (text) => {
    expect(parseWindowText(text)).toBeNull();
  });
});
