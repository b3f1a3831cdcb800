import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  freshBudget,
  type QuarantineBudget,
  withQuarantine,
} from '../../../shared/domain/reverify/index.ts';

const limit = { max: 3, windowSeconds: 3600 };
const start = Date.parse('2026-01-01T00:00:00.000Z');
const at = (seconds: number) => new Date(start + seconds * 1000).toISOString();

/** Quarantines as many as may be, one a second from a time on. */
function take(
  budget: QuarantineBudget,
  wanted: number,
  from: number,
): { taken: number; budget: QuarantineBudget } {
  let taken = 0;
  let now = budget;

  for (let i = 0; i < wanted; i++) {
    const next = withQuarantine(now, at(from + i), limit);
    if (next === null) break;
    now = next;
    taken += 1;
  }

  return { taken, budget: now };
}

describe('quarantines', () => {
  test('are so many within a window, and as many in the next', () => {
    const first = take(freshBudget('acme', at(0)), 10, 0);
    expect(first.taken).toBe(3);
    expect(take(first.budget, 10, 3000).taken).toBe(0);
    expect(take(first.budget, 10, 3600).taken).toBe(3);
  });

  test('are none after a person was asked, however long ago, until they are granted', () => {
    const asked = { ...freshBudget('acme', at(0)), asked_at: at(10) };
    expect(take(asked, 10, 20).taken).toBe(0);
    expect(take(asked, 10, 100_000).taken).toBe(0);

    const granted = { ...asked, asked_at: null, granted_until: at(200) };
    expect(take(granted, 50, 100).taken).toBe(50);
  });

  test('are never more within a window than the limit, whatever the order of times', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3599), { maxLength: 30 }), (times) => {
        let budget = freshBudget('acme', at(0));
        let taken = 0;

        for (const time of times) {
          const next = withQuarantine(budget, at(time), limit);
          if (next === null) continue;
          budget = next;
          taken += 1;
        }

        expect(taken).toBe(Math.min(times.length, 3));
      }),
    );
  });
});
