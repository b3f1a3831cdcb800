import { describe, expect, it } from 'vitest';
import {
  defaultPolicy,
  type InterventionPolicy,
  policyWithFound,
  strictestPolicy,
} from '../../../shared/domain/operations/index.ts';

const policy = (more: Partial<InterventionPolicy>): InterventionPolicy => ({
  ...defaultPolicy('assignment_change'),
  ...more,
});

describe('the policy of several changes', () => {
  const allow = policy({ decision: 'allow', quorum: 9, expires_in_s: 1 });
  const ask = policy({ action: 'module_retire', decision: 'require_approval', quorum: 2 });
  const deny = policy({ action: 'policy_change', decision: 'deny' });

  it('is the one policy of one change', () => {
    expect(strictestPolicy([ask])).toEqual(ask);
  });

  it('denies before it asks, and asks before it allows', () => {
    expect(strictestPolicy([allow, ask, deny])).toEqual(deny);
    expect(strictestPolicy([ask, allow])).toEqual(ask);
    expect(strictestPolicy([allow, ask])).toEqual(ask);
  });

  it('has the highest quorum and the shortest time of those that ask', () => {
    const other = policy({
      decision: 'require_approval',
      quorum: 3,
      self_approval: true,
      expires_in_s: 60,
    });
    expect(strictestPolicy([ask, other, allow])).toEqual({
      ...ask,
      quorum: 3,
      self_approval: false,
      expires_in_s: 60,
    });
  });

  it('lets the requester approve only where each policy does', () => {
    const own = { ...ask, self_approval: true };
    expect(strictestPolicy([own, own]).self_approval).toBe(true);
    expect(strictestPolicy([own, ask]).self_approval).toBe(false);
  });
});

describe('the policy of what compositions found', () => {
  const own = policy({ action: 'module_rollback', decision: 'allow' });
  const freeze_windows = [{ from: 'mon 08:00', to: 'mon 09:00', time_zone: 'UTC' }];
  const found = (decision: InterventionPolicy['decision']) =>
    policy({ action: 'module_assign_privileged', decision, freeze_windows });

  it.each(['allow', 'require_approval', 'deny'] as const)(
    'counts before it is applied: %s',
    (one) => {
      const met = policyWithFound([own], [found(one)], { isReviewedAfterwards: false });
      expect(met).toMatchObject({ decision: one, freeze_windows });
    },
  );

  it.each([
    ['allow', 'allow'],
    ['require_approval', 'allow'],
    ['deny', 'deny'],
  ] as const)(
    '%s counts as %s, and never freezes, where reviewers are asked afterwards',
    (one, as) => {
      const met = policyWithFound([own], [found(one)], { isReviewedAfterwards: true });
      expect(met).toMatchObject({ decision: as, freeze_windows: [] });
    },
  );
});
