import { describe, expect, it } from 'vitest';
import { parseDuration, readTime } from '../../../cli/input/duration.ts';

const now = new Date('2026-01-10T00:00:00.000Z');

describe('a duration', () => {
  it.each([
    ['90', 90],
    ['90s', 90],
    ['30m', 1800],
    ['12h', 43_200],
    ['30d', 2_592_000],
    ['2w', 1_209_600],
  ])('%s is %i seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', '-1', '1.5h', '2 h', '3y', 'soon'])('is not %j', (text) => {
    expect(() => parseDuration(text)).toThrow('Expected a duration such as 90s');
  });
});

describe('a time', () => {
  it.each([
    ['30d', 1, '2026-02-09T00:00:00.000Z'],
    ['2w', -1, '2025-12-27T00:00:00.000Z'],
    ['2026-12-01', 1, '2026-12-01T00:00:00.000Z'],
    ['2026-12-01T10:00+02:00', 1, '2026-12-01T08:00:00.000Z'],
  ] as const)('%s (%i) is %s', (text, sign, expected) => {
    expect(readTime(text, { flag: '--expires', now, sign })).toBe(expected);
  });

  it.each(['', '5', 'tomorrow', '2026-12-01T10:00', '2026-13-01', '999999999w'])(
    'is not %j',
    (text) => {
      expect(() => readTime(text, { flag: '--expires', now, sign: 1 })).toThrow(
        expect.objectContaining({ code: 'usage', message: expect.stringContaining('--expires') }),
      );
    },
  );
});
