import { GantryError } from '../../base/error.ts';
import type { Approval } from '../../domain/operations/index.ts';
import { type Db, type Draft, entity, type Write } from '../table/index.ts';

const approvals = entity<Approval>()({
  name: 'approval',
  attributes: {
    account: 'text',
    id: 'text',
    operation_id: 'text',
    actions: 'json',
    summary: 'text',
    requested_by: 'text',
    requester: 'text',
    requested_by_person: 'text',
    state: 'text',
    quorum: 'number',
    self_approval: 'flag',
    reviewer_groups: 'json',
    concerned: 'json',
    decisions: 'json',
    task_token: 'json',
    mailed_at: 'json',
    unmailed: 'json',
    reminders: 'number',
    requested_at: 'text',
    revision: 'number',
    expires_at: 'text',
    created_at: 'text',
  },
  key: { pk: '${account}#approval#${id}', sk: 'approval' },
  lists: { byId: { index: 'gsi1', pk: '${account}#approvals', sk: '${id}' } },
});

export function getApproval(db: Db, account: string, id: string): Promise<Approval | null> {
  return approvals.get(db, { account, id });
}

/** Every approval of an account, newest first. */
export function listApprovals(db: Db, account: string): Promise<Approval[]> {
  return approvals.all(db, 'byId', { account }, { newestFirst: true });
}

/**
 * The approvals of an account that were made since a time, newest first. An older one that lies
 * before a newer one may be left out: the list is in the order of the operations.
 */
export async function approvalsSince(db: Db, account: string, since: string): Promise<Approval[]> {
  const found: Approval[] = [];
  for await (const row of approvals.each(db, 'byId', { account }, { newestFirst: true })) {
    if (row.created_at < since) break;
    found.push(row);
  }

  return found;
}

export function createApproval(approval: Draft<Approval>): Write {
  return approvals.create(
    approval,
    () => new GantryError('already_exists', `approval ${approval.id} exists`),
  );
}

/** Changes an approval that is still pending; `conflict` says to read it again. */
export function updateApproval(was: Approval, set: Partial<Draft<Approval>>): Write {
  return approvals.update(was, set, {
    where: { state: 'pending' },
    refuse: () =>
      new GantryError('conflict', 'the request was decided or changed at the same time'),
  });
}
