import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { formatSeconds } from '../../../shared/base/time.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import {
  type Action,
  defaultPolicy,
  differencesOf,
  fieldsOfPolicy,
  gatesText,
  type InterventionPolicy,
  isUnmeetable,
  loosensPolicy,
  policyChangeText,
  unmeetableBy,
} from '../../../shared/domain/operations/index.ts';
import { reviewer } from './people.ts';

const was: InterventionPolicy = {
  ...defaultPolicy('module_promote_to_live'),
  quorum: 5,
  expires_in_s: 7200,
};

const weekend = { from: 'fri 17:00', to: 'mon 08:00', time_zone: 'Europe/Zurich' };
const night = { from: '22:00', to: '06:00', time_zone: 'UTC' };
const gated: InterventionPolicy = {
  ...was,
  reviewer_groups: ['security'],
  min_soak_s: 3600,
  freeze_windows: [weekend],
  required_attestations: ['a'],
  required_builders: ['^a$'],
  required_sources: [],
};

/** So many reviewers, the first `inGroup` of them in the group security. */
function reviewers(people: number, inGroup = 0): Member[] {
  return Array.from({ length: people }, (_, index) =>
    reviewer(`mbr_${index}`, index < inGroup ? ['security'] : []),
  );
}

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

  it('is shown with all fields, and with what is asked besides approval', () => {
    expect(fieldsOfPolicy({ ...gated, freeze_windows: [weekend, night] })).toEqual({
      decision: 'require_approval',
      quorum: '5',
      self_approval: 'no',
      expires_in_s: '2 h',
      reviewer_groups: 'security',
      min_soak_s: '1 h',
      freeze_windows: '22:00 to 06:00 UTC, fri 17:00 to mon 08:00 Europe/Zurich',
      required_attestations: 'a',
      required_builders: '^a$',
      required_sources: 'any',
    });
    expect(gatesText(gated)).toBe(
      'reviewer groups security; soak 1 h; freeze fri 17:00 to mon 08:00 Europe/Zurich; attestations a; builders ^a$',
    );
    expect(gatesText(was)).toBe('');
  });

  it('is cut to what a row and a mail hold', () => {
    const types = Array.from({ length: limits.policyListMax }, (_, i) => `${i}`.padEnd(500, 'é'));
    const text = policyChangeText(was, { ...was, required_attestations: types });
    expect(text).toMatch(/attestations none → 0é+…$/);
    expect(Buffer.byteLength(text)).toBeLessThan(1024);
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

  it.each<[Partial<InterventionPolicy>, boolean]>([
    [{ min_soak_s: 7200 }, false],
    [{ min_soak_s: 3599 }, true],
    [{ reviewer_groups: ['security', 'dba'] }, false],
    [{ reviewer_groups: ['dba', 'security'], quorum: 6 }, false],
    [{ reviewer_groups: [] }, true],
    [{ reviewer_groups: ['dba'] }, true],
    [{ freeze_windows: [weekend, night] }, false],
    [{ freeze_windows: [] }, true],
    [{ freeze_windows: [{ ...weekend, to: 'sun 08:00' }] }, true],
    [{ required_attestations: ['a', 'b'] }, false],
    [{ required_attestations: ['b'] }, true],
    [{ required_builders: ['^a$', '^b$'] }, false],
    [{ required_builders: ['^.*$'] }, true],
    [{ required_sources: ['^a$'] }, false],
    [{ required_builders: [] }, true],
    [{ decision: 'allow', freeze_windows: [] }, true],
    [{ decision: 'deny', freeze_windows: [], required_attestations: [] }, false],
  ])('of a gated policy, %j loosens it: %s', (set, loosens) => {
    expect(loosensPolicy(gated, { ...gated, ...set })).toBe(loosens);
  });

  it('reads as old and new values of what is asked besides approval', () => {
    expect(
      policyChangeText(gated, {
        ...gated,
        reviewer_groups: [],
        min_soak_s: 0,
        freeze_windows: [weekend, night],
        required_attestations: [],
      }),
    ).toBe(
      'policy of module_promote_to_live: reviewer groups security → any, soak 1 h → 0 s, ' +
        'freeze fri 17:00 to mon 08:00 Europe/Zurich → 22:00 to 06:00 UTC, fri 17:00 to mon 08:00 Europe/Zurich, ' +
        'attestations a → none',
    );
  });

  it.each<[Partial<InterventionPolicy>, number, boolean]>([
    [{ quorum: 6 }, 6, false],
    [{ quorum: 6 }, 5, true],
    [{ quorum: 3 }, 2, false],
    [{ expires_in_s: 60 }, 0, false],
    [{ quorum: 6, decision: 'allow' }, 0, false],
  ])('%j with %d reviewers cannot be met: %s', (set, people, unmeetable) => {
    expect(isUnmeetable(was, { ...was, ...set }, reviewers(people))).toBe(unmeetable);
  });

  it('that begins to ask for approval needs the reviewers for it', () => {
    const allows = { ...was, decision: 'allow' as const };
    expect(isUnmeetable(allows, was, reviewers(4))).toBe(true);
    expect(isUnmeetable(allows, was, reviewers(5))).toBe(false);
  });
  it.each([
    [5, 5, false],
    [5, 4, true],
    [9, 0, true],
  ])(
    'with %d reviewers, %d of them in its new group, cannot be met: %s',
    (people, inGroup, unmeetable) => {
      const now = { ...was, reviewer_groups: ['security'] };
      expect(isUnmeetable(was, now, reviewers(people, inGroup))).toBe(unmeetable);
    },
  );

  it('that gives up a group is a way forward although it stays unmeetable', () => {
    const held = { ...was, reviewer_groups: ['security', 'dba'] };
    const now = { ...was, reviewer_groups: ['security'] };
    expect(isUnmeetable(held, now, reviewers(1))).toBe(false);
  });
});

describe('a change of reviewers', () => {
  const policies = [gated, { ...was, action: 'module_retire' as const, quorum: 1 }];

  it.each<[string, Member[], Action[]]>([
    ['that leaves enough in the group', reviewers(6, 5), []],
    ['that leaves too few in the group', reviewers(6, 4), ['module_promote_to_live']],
    ['that leaves nobody', [], ['module_promote_to_live', 'module_retire']],
  ])('%s makes these policies unmeetable: %j', (_, after, found) => {
    expect(unmeetableBy(policies, { before: reviewers(6, 6), after })).toEqual(found);
  });

  it('makes no policy unmeetable that was so before', () => {
    const before = reviewers(6, 1);
    expect(unmeetableBy(policies, { before, after: reviewers(6) })).toEqual([]);
  });
});
