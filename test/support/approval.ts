import type { Approval } from '../../shared/domain/operations/index.ts';

const asked = '2026-01-01T00:00:00.000Z';

/** A request of account `acme` to promote a module, which nobody decided on yet. */
export function approvalOf(fields: Partial<Approval> = {}): Approval {
  return {
    account: 'acme',
    id: 'apr_1',
    operation_id: 'op_1',
    actions: ['module_promote_to_live'],
    summary: 'promote my-redis 0.1.0 to live',
    requested_by: 'token:tok_1',
    requester: 'the token "ci"',
    requested_by_person: 'deployment',
    state: 'pending',
    quorum: 1,
    self_approval: false,
    reviewer_groups: [],
    concerned: [],
    decisions: [],
    task_token: null,
    mailed_at: null,
    unmailed: [],
    reminders: 0,
    requested_at: asked,
    revision: 1,
    expires_at: asked,
    created_at: asked,
    ...fields,
  };
}
