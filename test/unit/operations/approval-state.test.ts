import { describe, expect, it } from 'vitest';
import { keepBy } from '../../../shared/base/filters.ts';
import {
  type Approval,
  approvalFilters,
  approvalState,
  approvalStates,
  approvalTests,
  type Operation,
  operationFilters,
  operationTests,
} from '../../../shared/domain/operations/index.ts';
import { before } from './people.ts';

type Decision = [person: string, decision?: 'approve' | 'reject'];

function state(
  decisions: Decision[],
  more: { quorum?: number; self_approval?: boolean } = {},
  present = ['rita', 'otto', 'asker'],
) {
  return approvalState(
    {
      quorum: 2,
      self_approval: false,
      requested_by_person: 'asker',
      ...more,
      decisions: decisions.map(([person, decision = 'approve']) => ({
        reviewer: person,
        reviewer_email: `${person}@example.com`,
        decision,
        comment: null,
        decided_at: before,
        by: 'api',
        person,
        signed_in_by: 'invitation',
      })),
    },
    new Set(present),
  );
}

describe('a request', () => {
  it.each<[string, ReturnType<typeof state>, Parameters<typeof state>]>([
    ['that nobody decided waits', 'pending', [[]]],
    ['waits below its quorum', 'pending', [[['rita']]]],
    ['is approved at its quorum', 'approved', [[['rita'], ['otto']]]],
    ['is rejected by one, whatever others say', 'rejected', [[['rita'], ['otto', 'reject']]]],
    ['is rejected by one who left since', 'rejected', [[['rita', 'reject']], {}, ['otto']]],
    ['does not count its requester', 'pending', [[['rita'], ['asker']]]],
    [
      'counts its requester where that is allowed',
      'approved',
      [[['rita'], ['asker']], { self_approval: true }],
    ],
    ['does not count one who left', 'pending', [[['rita'], ['otto']], {}, ['rita']]],
  ])('%s', (_, expected, facts) => {
    expect(state(...facts)).toBe(expected);
  });
});

describe('a list', () => {
  const operation = {
    account: 'acme',
    state: 'applying',
    actions: ['mass_quarantine', 'policy_change'],
    changes: [{ kind: 'quarantine_resume' }],
  } as unknown as Operation;
  const ofTemplate = {
    ...operation,
    changes: [{ kind: 'assignment_remove', assignment_id: 'asg_1', template_id: 'tpl_1' }],
  } satisfies Operation;

  it.each([
    [{}, true],
    [{ state: 'applying' }, true],
    [{ state: 'failed' }, false],
    [{ action: 'policy_change' }, true],
    [{ action: 'module_retire' }, false],
    [{ about: 'template/tpl_1' }, true],
    [{ about: 'template/tpl_2' }, false],
  ] as const)('of operations with %j keeps one: %s', (wanted, kept) => {
    expect(keepBy(operationTests, wanted)(ofTemplate)).toBe(kept);
  });

  it('of operations about a template has none about the account', () => {
    expect(keepBy(operationTests, { about: 'template/tpl_1' })(operation)).toBe(false);
  });

  it.each([
    [{ state: 'pending' }, true],
    [{ state: 'approved' }, false],
    [{ action: 'policy_change' }, true],
    [{ action: 'module_retire' }, false],
  ] as const)('of requests with %j keeps one: %s', (wanted, kept) => {
    const approval = {
      state: 'pending',
      actions: ['mass_quarantine', 'policy_change'],
    } as Approval;
    expect(keepBy(approvalTests, wanted)(approval)).toBe(kept);
  });

  it('can be narrowed to each state and action', () => {
    expect(operationFilters).toMatchObject({
      state: { kind: 'choice' },
      action: { kind: 'choice' },
      about: { kind: 'text' },
    });
    expect(approvalFilters).toMatchObject({
      state: { kind: 'choice', choices: approvalStates },
      action: { kind: 'choice' },
    });
    expect(approvalStates).toEqual(['pending', 'approved', 'rejected', 'expired', 'withdrawn']);
  });
});
