import { describe, expect, it } from 'vitest';
import { kindOf } from '../../../shared/actions/operations/index.ts';
import {
  type Action,
  type Change,
  defaultPolicy,
} from '../../../shared/domain/operations/index.ts';
import { at, machine, member, writesOf } from './change-factory.ts';

describe('a change of a machine', () => {
  it.each<[Parameters<typeof machine>[0], Action]>([
    [{ track: 'blessed', from_track: 'live' }, 'instance_track_change'],
    [{ track: 'staging', from_track: 'blessed' }, 'instance_track_change'],
    [{ track: 'blessed' }, 'instance_track_change'],
    [{ track: 'live', from_track: 'blessed' }, 'instance_change'],
    [{ track: 'blessed', from_track: 'blessed' }, 'instance_change'],
    [{ name: 'db' }, 'instance_change'],
  ])('%j needs the policy of %s', async (set, action) => {
    const change = machine(set);
    expect(kindOf(change).action(change)).toBe(action);

    // Only that policy asks for approval.
    const policy = await kindOf(change).policy(change, async (asked) => ({
      ...defaultPolicy(asked),
      decision: asked === 'instance_track_change' ? 'require_approval' : 'allow',
    }));
    expect(policy.decision).toBe(action === 'instance_track_change' ? 'require_approval' : 'allow');
  });
});

describe('a change of a member', () => {
  const change: Change<'member_change'> = {
    kind: 'member_change',
    member_id: member.id,
    was: ['viewer'],
    roles: ['viewer', 'reviewer'],
    was_groups: [],
    groups: ['security'],
  };
  const roster = { account: 'acme', reviewers: ['mbr_2'], revision: 1 };
  const check = (rows: object) => () =>
    kindOf(change).check(change, { member, roster, unmeetable: [], ...rows });

  it.each([
    ['whose roles changed since', { member: { ...member, roles: ['admin'] } }, 'operation_raced'],
    ['whose groups changed since', { member: { ...member, groups: ['dba'] } }, 'operation_raced'],
    ['that policies cannot be met with', { unmeetable: ['module_retire'] }, 'quorum_unmeetable'],
  ])('%s is refused', (_, rows, code) => {
    expect(check(rows)).toThrow(expect.objectContaining({ code }));
  });

  it('is let through where nothing changed', () => {
    expect(check({})).not.toThrow();
  });

  it.each([
    ['a new reviewer decides from now on', member, at],
    [
      'a reviewer since then stays one since then',
      { ...member, reviewer_since: '2020-01-01' },
      '2020-01-01',
    ],
    ['who has not joined yet decides from then on', { ...member, joined_at: null }, null],
  ])('%s', (_, row, since) => {
    const [update] = writesOf(change, { member: row, roster, unmeetable: [] });
    const {
      UpdateExpression = '',
      ExpressionAttributeNames = {},
      ExpressionAttributeValues = {},
    } = update?.item.Update ?? {};
    const [name] =
      Object.entries(ExpressionAttributeNames).find(([, field]) => field === 'reviewer_since') ??
      [];
    const [, value = ''] = new RegExp(`${name} = (:\\w+)`).exec(UpdateExpression) ?? [];
    expect(ExpressionAttributeValues[value]).toBe(since);
  });
});
