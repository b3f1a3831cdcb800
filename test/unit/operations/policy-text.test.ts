import { describe, expect, it } from 'vitest';
import { formatSeconds } from '../../../shared/base/time.ts';
import {
  defaultPolicy,
  differencesOf,
  type InterventionPolicy,
  isUnmeetable,
  loosensPolicy,
  policyChangeText,
} from '../../../shared/domain/operations/index.ts';

const was: InterventionPolicy = {
  ...defaultPolicy('module_promote_to_live'),
  quorum: 5,
  expires_in_s: 7200,
};

it.each([
  [60, '1 min'],
  [90, '90 s'],
  [5400, '90 min'],
  [7200, '2 h'],
  [86_400, '1 day'],
  [259_200, '3 days'],
  [0, '0 s'],
])('%d seconds read as %s', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});

describe('a change of a policy', () => {
  it('reads as the old and the new value of each field that it changes', () => {
    expect(policyChangeText(was, { ...was, quorum: 1 })).toBe(
      'policy of module_promote_to_live: quorum 5 → 1',
    );
    expect(
      policyChangeText(was, {
        ...was,
        decision: 'allow',
        self_approval: true,
        expires_in_s: 60,
      }),
    ).toBe(
      'policy of module_promote_to_live: decision require_approval → allow, self-approval no → yes, expiry 2 h → 1 min',
    );
  });

  it('names no field that stays', () => {
    expect(differencesOf(was, { ...was })).toEqual([]);
    expect(policyChangeText(was, was)).toBe('policy of module_promote_to_live: no change');
  });

  it.each<[Partial<InterventionPolicy>, boolean]>([
    [{}, false],
    [{ quorum: 6 }, false],
    [{ quorum: 4 }, true],
    [{ self_approval: true }, true],
    [{ expires_in_s: 60 }, false],
    [{ expires_in_s: 7201 }, true],
    [{ decision: 'allow' }, true],
    [{ decision: 'deny' }, false],
    [{ decision: 'deny', quorum: 1 }, false],
    [{ quorum: 6, expires_in_s: 7201 }, true],
  ])('%j loosens it: %s', (set, loosens) => {
    expect(loosensPolicy(was, { ...was, ...set })).toBe(loosens);
  });

  it.each<[Partial<InterventionPolicy>, number, boolean]>([
    [{ quorum: 6 }, 6, false],
    [{ quorum: 6 }, 5, true],
    [{ quorum: 3 }, 2, false],
    [{ expires_in_s: 60 }, 0, false],
    [{ quorum: 6, decision: 'allow' }, 0, false],
  ])('%j with %d reviewers cannot be met: %s', (set, people, unmeetable) => {
    expect(isUnmeetable(was, { ...was, ...set }, people)).toBe(unmeetable);
  });

  it('that begins to ask for approval needs the reviewers for it', () => {
    const allows = { ...was, decision: 'allow' as const };
    expect(isUnmeetable(allows, was, 4)).toBe(true);
    expect(isUnmeetable(allows, was, 5)).toBe(false);
  });
});
