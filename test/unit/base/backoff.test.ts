import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoff } from '../../../shared/base/backoff.ts';

describe('backoff', () => {
  test.each([
    [0, 30],
    [1, 60],
    [2, 120],
    [6, 1920],
    [7, 3600],
    [5000, 3600],
  ])('waits after %i failures for %i seconds', (attempt, seconds) => {
    expect(backoff({ attempt, base: 30, cap: 3600 })).toBe(seconds);
  });

  test('subtracts its share of randomness and no more', () => {
    const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(3000), unit, unit, (attempt, share, random) => {
        const whole = backoff({ attempt, base: 5, cap: 900 });
        const wait = backoff({ attempt, base: 5, cap: 900, jitter: { share, random } });
        expect(wait).toBeLessThanOrEqual(whole);
        expect(wait).toBeGreaterThanOrEqual(whole * (1 - share));
      }),
    );
  });
});
