import { describe, expect, it } from 'vitest';
import { kindOf } from '../../../shared/actions/operations/index.ts';
import { defaultPolicy } from '../../../shared/domain/operations/index.ts';
import { policy, reviewer, writesOf } from './change-factory.ts';

const night = { from: '22:00', to: '06:00', time_zone: 'UTC' };
const noPolicy = { stored: null, reviewers: [reviewer()] };

it.each([
  ['to a policy of no approval at all', policy({ quorum: 0 }), noPolicy, 'invalid_request'],
  ['to a soak of what is no promotion', policy({ min_soak_s: 1 }), noPolicy, 'invalid_request'],
  [
    'to attestations of what is no promotion',
    policy({ required_attestations: ['a'] }),
    noPolicy,
    'invalid_request',
  ],
  [
    'that freezes what lifts freezes',
    policy({
      action: 'policy_change',
      freeze_windows: [night],
    }),
    noPolicy,
    'invalid_request',
  ],
  [
    'to a freeze in no time zone',
    policy({ freeze_windows: [{ from: '22:00', to: '06:00', time_zone: 'Mars/Olympus' }] }),
    noPolicy,
    'invalid_request',
  ],
  [
    'to a group of too few reviewers',
    policy({ decision: 'require_approval', reviewer_groups: ['security'] }),
    noPolicy,
    'quorum_unmeetable',
  ],
  ['to a policy that expires before', policy({ expires_in_s: -5 }), noPolicy, 'invalid_request'],
  [
    'of a policy that changed since',
    policy({ quorum: 2 }),
    { stored: { ...policy({ quorum: 3 }).policy, account: 'acme', revision: 1 }, reviewers: [] },
    'operation_raced',
  ],
  [
    'to a quorum that the reviewers cannot meet',
    policy({ decision: 'require_approval', quorum: 2 }),
    noPolicy,
    'quorum_unmeetable',
  ],
])('a change %s is refused', (_, change, rows, code) => {
  expect(() => kindOf(change).check(change, rows)).toThrow(expect.objectContaining({ code }));
});

it.each([
  ['that freezes what a freeze may stop', { freeze_windows: [night] }],
  ['of what lifts freezes, without one', { action: 'policy_change', expires_in_s: 3600 }],
  ['to a soak of a promotion', { action: 'module_promote_to_live', min_soak_s: 60 }],
] as const)('a change %s is let through', (_, { ...set }) => {
  const change = policy(set as Parameters<typeof policy>[0]);
  expect(() => kindOf(change).check(change, noPolicy)).not.toThrow();
});

it.each([
  [{ quorum: 2 }, 'expected at least 2 reviewers for a quorum of 2 of module_retire, found 1'],
  [
    { quorum: 1, reviewer_groups: ['dba', 'security'] },
    'expected at least 1 reviewer in dba and security for a quorum of 1 of module_retire, found 0',
  ],
])('a change to %j that nobody can meet says who is missing', (set, sentence) => {
  const change = policy({ decision: 'require_approval', ...set });
  expect(() => kindOf(change).check(change, noPolicy)).toThrow(sentence);
});

describe('a change of a policy that another change altered since', () => {
  const first = { ...defaultPolicy('module_retire'), expires_in_s: 3600 };
  const stored = { ...first, account: 'acme', revision: 4 };
  const rows = { stored, reviewers: [reviewer()] };

  it('applies to its own fields, and leaves the others', () => {
    const change = policy({ self_approval: true });
    expect(() => kindOf(change).check(change, rows)).not.toThrow();

    const [put, event] = writesOf(change, rows).map(({ item }) => item);
    const written = JSON.stringify([put, event]);
    expect(written).toContain('"expires_in_s":3600');
    expect(written).toContain('"self_approval":true');
    expect(written).not.toContain(`"expires_in_s":${defaultPolicy('module_retire').expires_in_s}`);
  });

  it('is refused if both altered one field, which it names', () => {
    const change = policy({ expires_in_s: 7200, self_approval: true });
    expect(() => kindOf(change).check(change, rows)).toThrow(
      expect.objectContaining({
        code: 'operation_raced',
        message: expect.stringContaining('expires_in_s of the policy of module_retire changed'),
      }),
    );
  });

  it('must leave a policy that the reviewers can meet', () => {
    const asks = { ...rows, stored: { ...stored, decision: 'require_approval' as const } };
    const change = policy({ quorum: 2 });
    expect(() => kindOf(change).check(change, asks)).toThrow(
      expect.objectContaining({ code: 'quorum_unmeetable' }),
    );
  });
});

it.each([
  ['that changes nothing needs no reviewer', {}, 'allow'],
  ['needs what the policy asked that it replaces', { quorum: 3 }, 'require_approval'],
])('a change %s', async (_, fields, decision) => {
  const was = defaultPolicy('module_promote_to_live');
  const change = { kind: 'policy_change', policy: { ...was, ...fields }, was } as const;
  const met = await kindOf(change).policy(change, async (action) => defaultPolicy(action));
  expect(met).toMatchObject({ action: 'policy_change', decision });
});
