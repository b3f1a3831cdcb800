import { describe, expect, it } from 'vitest';
import {
  defaultPolicy,
  missingAttestations,
  noGates,
  type PromotionStep,
  policyOfChange,
  strictestPolicy,
  unfinishedSoak,
} from '../../../shared/domain/operations/index.ts';

const since = '2026-01-01T00:00:00.000Z';
const step = (to: PromotionStep['to'], min_soak_s: number): PromotionStep => ({
  to,
  policy: { ...noGates, min_soak_s },
});

describe('the soak of a version', () => {
  const staged = { promotion_state: 'staging', state_changed_at: since } as const;

  it.each<[string, PromotionStep[], string, unknown]>([
    ['of no time is over', [step('blessed', 0)], since, null],
    [
      'is not over a millisecond before its end',
      [step('blessed', 3600)],
      '2026-01-01T00:59:59.999Z',
      { in_state: 'staging', to: 'blessed', min_soak_s: 3600, ends_at: '2026-01-01T01:00:00.000Z' },
    ],
    ['is over at its end', [step('blessed', 3600)], '2026-01-01T01:00:00.000Z', null],
    [
      'in a state that the promotion passes through has not begun',
      [step('blessed', 3600), step('live', 60)],
      '2027-01-01T00:00:00.000Z',
      { in_state: 'blessed', to: 'live', min_soak_s: 60, ends_at: null },
    ],
    [
      'of the first step counts where a later one asks for none',
      [step('blessed', 3600), step('live', 0)],
      since,
      { in_state: 'staging', to: 'blessed', min_soak_s: 3600, ends_at: '2026-01-01T01:00:00.000Z' },
    ],
  ])('%s', (_, steps, now, found) => {
    expect(unfinishedSoak(staged, steps, new Date(now))).toEqual(found);
  });
});

it.each([
  [['a'], ['a'], []],
  [['a', 'b'], ['b'], ['a']],
  [['https://slsa.dev/provenance'], ['https://slsa.dev/provenance/v1'], []],
  [
    ['https://slsa.dev/provenance/v1'],
    ['https://slsa.dev/provenance/v0.2'],
    ['https://slsa.dev/provenance/v1'],
  ],
  [['a'], [], ['a']],
  [[], [], []],
])('of the required attestations %j, a version with %j lacks %j', (required, carried, missing) => {
  const found = carried.map((predicate_type) => ({ predicate_type, builder_id: null }));
  expect(missingAttestations(required, { carried: found, builds: [] })).toEqual(missing);
});

describe('the policy of several changes', () => {
  const night = { from: '22:00', to: '06:00', time_zone: 'UTC' };
  const allow = {
    ...defaultPolicy('assignment_change'),
    freeze_windows: [night],
    min_soak_s: 5,
    required_attestations: ['a'],
    reviewer_groups: ['dba'],
  };
  const ask = {
    ...defaultPolicy('module_promote_to_live'),
    reviewer_groups: ['security'],
    min_soak_s: 3,
    freeze_windows: [night],
  };
  const other = { ...ask, reviewer_groups: ['dba'] };

  it('has the freezes, the longest soak and the attestations of all, and the groups of those that ask', () => {
    expect(strictestPolicy([ask, other, allow])).toMatchObject({
      reviewer_groups: ['security', 'dba'],
      min_soak_s: 5,
      freeze_windows: [night],
      required_attestations: ['a'],
    });
    expect(strictestPolicy([ask, allow])).toMatchObject({
      reviewer_groups: ['security'],
      min_soak_s: 5,
      required_attestations: ['a'],
    });
  });

  it('of a change of a policy asks for its reviewers, and is never frozen', () => {
    expect(policyOfChange(defaultPolicy('policy_change'), ask)).toMatchObject({
      decision: 'require_approval',
      reviewer_groups: ['security'],
      min_soak_s: 0,
      freeze_windows: [],
      required_attestations: [],
    });
  });
});
