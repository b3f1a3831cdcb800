import { expect, it } from 'vitest';
import {
  aboutOf,
  changedFacts,
  compareLists,
  defaultPolicy,
  factText,
} from '../../../shared/domain/operations/index.ts';

const policy = defaultPolicy('module_retire');

it.each([
  [{ kind: 'assignment_remove', assignment_id: 'asg_1', template_id: 'tpl_1' }, 'template/tpl_1'],
  [{ kind: 'instance_update', instance_id: 'ins_1', name: 'web' }, 'instance/ins_1'],
  [{ kind: 'policy_change', policy, was: policy }, 'policy/module_retire'],
  [
    { kind: 'version_yank', module: 'redis', version_id: 'ver_1', reason: 'broken' },
    'module/redis',
  ],
  [
    {
      kind: 'member_change',
      member_id: 'mbr_1',
      was: [],
      roles: ['reviewer'],
      was_groups: [],
      groups: [],
    },
    'member/mbr_1',
  ],
  [{ kind: 'quarantine_resume' }, null],
] as const)('an operation with %j is about %s', (change, about) => {
  const changes = [change] as unknown as Parameters<typeof aboutOf>[0]['changes'];
  expect(aboutOf({ account: 'acme', changes })).toBe(about);
});

it('an operation without a change is about nothing', () => {
  expect(aboutOf({ account: 'acme', changes: [] })).toBeNull();
});

it('the differences of two lists are sorted, bounded each, and the rest is counted', () => {
  const before = new Map([
    ['z', '1'],
    ['b', '1'],
    ['a', '1'],
    ['same', '1'],
    ['gone', '1'],
  ]);
  const after = new Map([
    ['z', '2'],
    ['b', '2'],
    ['a', '2'],
    ['same', '1'],
    ['y', '1'],
    ['x', '1'],
    ['w', '1'],
  ]);
  expect(compareLists(before, after, 9)).toEqual({
    added: ['w', 'x', 'y'],
    removed: ['gone'],
    changed: ['a', 'b', 'z'],
    more: 0,
  });
  expect(compareLists(before, after, 2)).toEqual({
    added: ['w', 'x'],
    removed: ['gone'],
    changed: ['a', 'b'],
    more: 2,
  });
});

it('of facts those that differ are kept, and read in one line', () => {
  const quorum = { name: 'quorum', was: '5', now: '1' };
  expect(changedFacts([quorum, { name: 'state', was: 'a', now: 'a' }])).toEqual([quorum]);
  expect(factText(quorum)).toBe('quorum: 5 → 1');
  expect(factText({ name: 'constraint', was: null, now: null })).toBe('constraint: none');
  expect(factText({ name: 'constraint', was: '^1.0', now: null })).toBe('constraint: ^1.0 → none');
});
