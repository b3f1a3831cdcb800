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
  ])('from %s to %s are %j', (from, to, steps) => {
    expect(promotionSteps(from, to)).toEqual(steps);
  });

  // A row for each state, a column for each target: built, staging, blessed, live, retired.
  it.each<[PromotionState, string]>([
    ['built', '.xxxx'],
    ['staging', 'x.xxx'],
    ['blessed', '...xx'],
    ['live', '....x'],
    ['retired', 'x....'],
  ])('exist from %s to those of %s only', (from, row) => {
    const allowed = promotionStates.filter((_, column) => row[column] === 'x');
    expect(promotionStates.filter((to) => promotionSteps(from, to).length > 0)).toEqual(allowed);
    expect([...promotionTargets(from)].sort()).toEqual([...allowed].sort());
    for (const to of allowed) expect(promotionSteps(from, to).at(-1)).toBe(to);
  });
});
