import { describe, expect, it } from 'vitest';
import {
  type PromotionState,
  promotionStates,
  promotionSteps,
  promotionTargets,
} from '../../../shared/domain/modules/index.ts';

describe('the states that a promotion passes through', () => {
  it.each<[PromotionState, PromotionState, PromotionState[]]>([
    ['built', 'staging', ['staging']],
    ['built', 'blessed', ['staging', 'blessed']],
    ['built', 'live', ['staging', 'blessed', 'live']],
    ['built', 'retired', ['retired']],
    ['staging', 'built', ['built']],
    ['staging', 'live', ['blessed', 'live']],
    ['blessed', 'live', ['live']],
    ['live', 'retired', ['retired']],
    ['retired', 'built', ['built']],
    ['built', 'built', []],
    ['blessed', 'staging', []],
    ['blessed', 'built', []],
    ['live', 'blessed', []],
    ['retired', 'staging', []],
    ['retired', 'live', []],
    ['retired', 'retired', []],
  ])('from %s to %s are %j', (from, to, steps) => {
    expect(promotionSteps(from, to)).toEqual(steps);
  });

  it('end at the target, exactly where the target is allowed', () => {
    for (const from of promotionStates) {
      for (const to of promotionStates) {
        const steps = promotionSteps(from, to);
        expect(steps.at(-1)).toBe(promotionTargets(from).includes(to) ? to : undefined);
      }
    }
  });
});
