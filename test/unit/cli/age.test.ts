import { describe, expect, it } from 'vitest';
import { formatAge, formatTime } from '../../../cli/output/age.ts';

const now = new Date('2026-01-10T12:00:00.000Z');

describe('the age of a time', () => {
  it.each([
    ['2026-01-10T12:00:00.000Z', 'now'],
    ['2026-01-10T11:59:18.000Z', '42 s ago'],
    ['2026-01-10T11:57:00.000Z', '3 min ago'],
    ['2026-01-10T08:30:00.000Z', '3 h ago'],
    ['2025-12-31T12:00:00.000Z', '10 d ago'],
    ['2026-01-12T13:00:00.000Z', 'in 2 d'],
  ])('%s is %s', (time, expected) => {
    expect(formatAge(time, now)).toBe(expected);
  });

  it('stands beside the time, and beside no other text', () => {
    expect(formatTime('2026-01-10T11:57:00.123Z', now)).toBe('2026-01-10T11:57:00Z (3 min ago)');
    expect(formatTime('1.0.0', now)).toBe('1.0.0');
    expect(formatTime('since 2026-01-10T11:57:00.123Z', now)).toBe(
      'since 2026-01-10T11:57:00.123Z',
    );
  });
});
