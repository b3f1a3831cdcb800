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
  // An account's history grows without end; lists of what waits read the index of the open ones.
  derived: { phase: { kind: 'text', of: ({ state }) => phaseOf(state) } },
  key: { pk: '${account}#approval#${id}', sk: 'approval' },
  lists: {
    byId: { index: 'gsi1', pk: '${account}#approvals', sk: '${id}' },
    byPhase: { index: 'gsi2', pk: '${account}#approvals#${phase}', sk: '${id}' },
  },
});

const phaseOf = (state: Approval['state']) => (state === 'pending' ? 'open' : 'final');

export function getApproval(db: Db, account: string, id: string): Promise<Approval | null> {
  return approvals.get(db, { account, id });
}

/**
 * A page of an account's approvals, newest first; those before the one whose id is `before`, where
 * one is given.
 * @param of.open only those that wait for a decision
 */
export async function recentApprovals(
  db: Db,
  { account, open }: { account: string; open: boolean },
  limit: number,
  before = '',
): Promise<Approval[]> {
  const range = { limit, after: before, newestFirst: true };
  const { rows } = open
    ? await approvals.list(db, 'byPhase', { account, phase: 'open' }, range)
    : await approvals.list(db, 'byId', { account }, range);
  return rows;
}

/** The approvals of an account that wait for a decision, newest first. */
export function openApprovals(db: Db, account: string): Promise<Approval[]> {
  return approvals.all(db, 'byPhase', { account, phase: 'open' }, { newestFirst: true });
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
