import { describe, expect, it } from 'vitest';
import {
  type ApprovalDecision,
  defaultPolicy,
  type InterventionPolicy,
  isApproved,
  policyOfChange,
} from '../../../shared/domain/operations/index.ts';

const asks = (
  action: InterventionPolicy['action'],
  more: Partial<InterventionPolicy> = {},
): InterventionPolicy => ({
  ...defaultPolicy(action),
  decision: 'require_approval',
  ...more,
});

function approved(...reviewers: string[]): ApprovalDecision[] {
  return reviewers.map((reviewer) => ({
    reviewer,
    reviewer_email: `${reviewer}@example.com`,
    decision: 'approve',
    comment: null,
    decided_at: '2026-01-01T00:00:00.000Z',
    by: 'link',
    person: reviewer,
    signed_in_by: 'approval_link',
  }));
}

describe('a change of a policy', () => {
  it('cannot loosen an action with fewer approvals than the action asks for itself', () => {
    const own = asks('policy_change', { quorum: 1, self_approval: true });
    const live = asks('module_promote_to_live', { quorum: 3 });

    expect(policyOfChange(own, live)).toMatchObject({
      decision: 'require_approval',
      quorum: 3,
      self_approval: false,
    });
  });

  it('cannot go with fewer approvals than changes of policies ask for', () => {
    const own = asks('policy_change', { quorum: 2 });
    expect(policyOfChange(own, asks('module_promote_to_live'))).toMatchObject({ quorum: 2 });
    expect(policyOfChange(own, defaultPolicy('module_retire'))).toEqual(own);
  });

  it('cannot open a denied action without approval', () => {
    const denied = { ...defaultPolicy('module_retire'), decision: 'deny' as const };
    expect(policyOfChange(defaultPolicy('policy_change'), denied)).toMatchObject({
      decision: 'require_approval',
    });
  });

  it('asks for nothing where neither policy does', () => {
    const own = defaultPolicy('policy_change');
    expect(policyOfChange(own, defaultPolicy('module_retire')).decision).toBe('allow');
  });

  it('cannot be made at all where changes of policies are denied, but for that policy, by approval', () => {
    const own = { ...defaultPolicy('policy_change'), decision: 'deny' as const };
    expect(policyOfChange(own, asks('module_promote_to_live')).decision).toBe('deny');
    expect(policyOfChange(own, own).decision).toBe('require_approval');
  });
});

describe('a request that was approved by one reviewer', () => {
  const present = new Set(['member:rita', 'member:otto', 'member:asker']);
  const one = {
    state: 'approved' as const,
    requested_by_person: 'member:asker',
    decisions: approved('member:rita'),
  };

  it('cannot be applied once the policy asks for two', () => {
    expect(isApproved(one, { quorum: 1, self_approval: false }, present)).toBe(true);
    expect(isApproved(one, { quorum: 2, self_approval: false }, present)).toBe(false);
  });

  it('cannot be applied on the word of the one who asked once that is no longer allowed', () => {
    const own = { ...one, decisions: approved('member:asker') };
    expect(isApproved(own, { quorum: 1, self_approval: true }, present)).toBe(true);
    expect(isApproved(own, { quorum: 1, self_approval: false }, present)).toBe(false);
  });

  it('cannot count one reviewer twice', () => {
    const twice = { ...one, decisions: approved('member:rita', 'member:rita') };
    expect(isApproved(twice, { quorum: 2, self_approval: false }, present)).toBe(false);
  });

  it.each(['pending', 'rejected', 'expired', 'withdrawn'] as const)(
    'cannot be applied while it is %s',
    (state) => {
      expect(isApproved({ ...one, state }, { quorum: 1, self_approval: false }, present)).toBe(
        false,
      );
    },
  );

  it('cannot count a reviewer who left, or whose role is gone', () => {
    const gone = new Set(['member:otto']);
    expect(isApproved(one, { quorum: 1, self_approval: false }, gone)).toBe(false);
  });

  it('cannot count a rejection as an approval', () => {
    const decisions = approved('member:rita').map((one) => ({
      ...one,
      decision: 'reject' as const,
    }));
    expect(isApproved({ ...one, decisions }, { quorum: 1, self_approval: false }, present)).toBe(
      false,
    );
  });

  it('cannot count two members who are one person, or one who is the requester', () => {
    const [rita, otto] = approved('member:rita', 'member:otto') as [
      ApprovalDecision,
      ApprovalDecision,
    ];
    const policy = { quorum: 2, self_approval: false };
    const asked = { ...one, decisions: [rita, otto] };
    expect(isApproved(asked, policy, present)).toBe(true);

    const same = { ...one, decisions: [rita, { ...otto, person: rita.person }] };
    expect(isApproved(same, policy, present)).toBe(false);

    const own = { ...one, decisions: [{ ...rita, person: 'member:asker' }] };
    expect(isApproved(own, { quorum: 1, self_approval: false }, present)).toBe(false);
  });
});
