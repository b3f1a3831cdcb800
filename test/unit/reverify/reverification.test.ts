import { describe, expect, test } from 'vitest';
import {
  countsAsQuarantine,
  freshBudget,
  reverificationOutcome,
} from '../../../shared/domain/reverify/index.ts';

const budget = freshBudget('acme', '2026-01-01T00:00:00.000Z');

/**
 * Every combination of facts: verified, certain, quarantined, room in the budget; for a version
 * that is handed out.
 */
const cells = [
  [true, true, false, true, 'verified', true],
  [true, true, false, false, 'verified', true],
  [true, false, false, true, 'verified', true],
  [true, false, false, false, 'verified', true],
  [true, true, true, true, 'verified', true],
  [true, true, true, false, 'verified', true],
  // What was quarantined for certain is not released by less.
  [true, false, true, true, 'quarantined', false],
  [true, false, true, false, 'quarantined', false],
  [false, true, false, true, 'quarantined', true],
  [false, true, false, false, 'held', true],
  [false, false, false, true, 'unconfirmed', true],
  [false, false, false, false, 'unconfirmed', true],
  [false, true, true, true, 'quarantined', true],
  [false, true, true, false, 'quarantined', true],
  [false, false, true, true, 'quarantined', false],
  [false, false, true, false, 'quarantined', false],
] as const;

describe('the outcome of a re-verification', () => {
  test.each(cells)(
    'verified: %s, certain: %s, quarantined: %s, room: %s is %s, recorded: %s',
    (verified, certain, quarantined, room, outcome, recorded) => {
      const facts = { verified, certain, quarantined, handedOut: true };
      expect(reverificationOutcome(facts, room ? budget : null)).toEqual({ outcome, recorded });
    },
  );

  test('covers every combination', () => {
    expect(new Set(cells.map((cell) => cell.slice(0, 4).join())).size).toBe(16);
  });

  test.each([true, false])(
    'asks a person only for a version that is handed out: %s',
    (handedOut) => {
      const facts = { verified: false, certain: true, quarantined: false, handedOut };
      expect(countsAsQuarantine(facts)).toBe(handedOut);
      expect(reverificationOutcome(facts, null).outcome).toBe(handedOut ? 'held' : 'quarantined');
    },
  );
});
