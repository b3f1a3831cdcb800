import { describe, expect, it } from 'vitest';
import { changeWrites } from '../../../shared/actions/operations/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import type { Change, ChangeName } from '../../../shared/domain/operations/index.ts';
import {
  addition,
  approver,
  assigned,
  at,
  everyKind,
  live,
  module,
  next,
  operation,
  promotion,
  registration,
  removal,
  reservation,
  unassigned,
  update,
  writesOf,
  written,
} from './change-factory.ts';

describe('the writes of a change', () => {
  it.each(everyKind)('are its rows and its event: $change.kind', ({ change, rows }) => {
    const expected: Record<ChangeName, ReturnType<typeof written>> = {
      version_promote: {
        events: ['gantry.version.superseded', 'gantry.version.promoted'],
        rows: 3,
      },
      version_rollback: {
        events: ['gantry.version.rolled_back', 'gantry.version.promoted'],
        rows: 3,
      },
      rollback_review: { events: ['gantry.version.rollback_confirmed'], rows: 0 },
      version_yank: { events: ['gantry.version.yanked'], rows: 1 },
      version_unyank: { events: ['gantry.version.unyanked'], rows: 1 },
      version_quarantine: { events: ['gantry.version.quarantined'], rows: 1 },
      version_release: { events: ['gantry.version.released'], rows: 1 },
      assignment_add: { events: ['gantry.assignment.added'], rows: 2 },
      assignment_update: { events: ['gantry.assignment.updated'], rows: 1 },
      assignment_remove: { events: ['gantry.assignment.removed'], rows: 2 },
      dependency_update: { events: ['gantry.dependency.updated'], rows: 1 },
      reservation_change: { events: ['gantry.reservation.changed'], rows: 1 },
      module_update: { events: ['gantry.module.updated'], rows: 1 },
      instance_update: { events: ['gantry.instance.updated'], rows: 1 },
      member_change: { events: ['gantry.member.changed'], rows: 2 },
      policy_change: { events: ['gantry.policy.changed'], rows: 1 },
      quarantine_resume: { events: [], rows: 1 },
    };
    expect(written(writesOf(change, rows))).toEqual(expected[change.kind]);
  });

  it('take the version from live that is retired', () => {
    const rows = {
      version: { ...live, id: 'ver_2' },
      module: { ...module, live_version_id: 'ver_2' },
      live,
      uses: [],
    };
    expect(written(writesOf(promotion('retired'), rows))).toEqual({
      events: ['gantry.version.retired'],
      rows: 2,
    });
  });

  it('keep with the version who approved it, and for what', () => {
    const [first] = writesOf(promotion('live', 'ver_1'), { version: next, module, live, uses: [] });
    expect(Object.values(first?.item.Update?.ExpressionAttributeValues ?? {})).toContainEqual([
      { ...approver, action: 'module_promote_to_live' },
    ]);
  });

  it('fit one transaction, or the changes are refused with the limit', () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => ({
        change: addition(`asg_${i}`, `acme/m${i}`),
        rows: unassigned,
      }));

    const facts = { operation, approvals: [], at };
    expect(changeWrites(facts, many(33))).toHaveLength(limits.operationWritesMax);
    expect(() => changeWrites(facts, many(34))).toThrow(
      expect.objectContaining({ code: 'change_too_wide', expected: limits.operationWritesMax }),
    );
  });

  it.each<[string, Change, unknown, Change, unknown]>([
    ['one assignment', update({ constraint: null }), assigned, removal, assigned],
    ['one module of one template', addition('asg_2'), unassigned, addition('asg_3'), unassigned],
    [
      'one registration',
      registration({ category: 'x' }),
      { module, repository: null, users: [] },
      reservation([], ['/srv/**']),
      { module, patterns: new Set() },
    ],
  ])('are refused for two changes of %s', (_, change, rows, other, otherRows) => {
    const read = [
      { change, rows },
      { change: other, rows: otherRows },
    ];
    expect(() => changeWrites({ operation, approvals: [], at }, read)).toThrow(
      expect.objectContaining({ code: 'invalid_request', field: 'changes' }),
    );
  });
});
