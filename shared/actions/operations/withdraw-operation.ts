import { GantryError, isGantryError } from '../../base/error.ts';
import { type Caller, hasRole } from '../../domain/accounts/index.ts';
import {
  type Change,
  finalOperationStates,
  type Operation,
} from '../../domain/operations/index.ts';
import { getApproval, getOperation, openApprovals } from '../../store/operations/index.ts';
import type { Write } from '../../store/table/index.ts';
import { completeTask, type Services } from '../context/index.ts';
import { finishOperation } from './finish-operation.ts';
import { nameOf } from './name-of.ts';
import { requireOperation } from './require-operation.ts';

/**
 * Withdraws an operation that is not being applied yet. Its approval links stop working. Only the
 * person who requested it withdraws it, with any of their tokens, or an admin.
 * @param why the reason that people read, and writes of the same transaction
 */
export async function withdrawOperation(
  services: Services,
  caller: Caller,
  id: string,
  { reason, beside }: { reason?: string; beside?: Write[] } = {},
): Promise<Operation> {
  const operation = await requireOperation(services, caller.account, id);
  if (caller.person !== operation.requested_by_person && !hasRole(caller, 'admin')) {
    throw new GantryError(
      'forbidden',
      `expected the person who requested the operation (${operation.requested_by_person}) or an admin, found ${caller.person}; ask one of them, or a reviewer to reject it`,
      { expected: operation.requested_by_person, found: caller.person },
    );
  }

  if (finalOperationStates.includes(operation.state) || operation.state === 'applying') {
    throw new GantryError(
      'conflict',
      `expected an open operation, found an operation in state ${operation.state}`,
    );
  }

  const message = reason ?? `withdrawn by ${await nameOf(services, caller.account, caller.actor)}`;
  return endWithdrawn(services, operation, { message, ...(beside && { beside }) });
}

/** Ends an operation as withdrawn, and its execution if that waits for reviewers. */
async function endWithdrawn(
  services: Services,
  operation: Operation,
  how: { message: string; beside?: Write[] },
): Promise<Operation> {
  const { account, approval_id } = operation;
  const approval =
    approval_id === null ? null : await getApproval(services.db, account, approval_id);
  const ending = { state: 'withdrawn', code: 'approval_withdrawn', message: how.message } as const;

  await finishOperation(services, operation, { ...how, ...ending });
  if (approval !== null && approval.task_token !== null)
    await completeTask(services, approval.task_token, { decision: 'withdrawn' });
  return { ...operation, ...ending };
}

/**
 * Withdraws the rollbacks that wait for reviewers although this operation held the version. If the
 * version became live again, an old approval would roll it back a second time.
 */
export async function withdrawOvertaken(services: Services, by: Operation): Promise<void> {
  const held = by.changes.flatMap((change) => rolledBack(change) ?? []);
  if (held.length === 0) return;

  for (const approval of await openApprovals(services.db, by.account)) {
    const operation = await getOperation(services.db, by.account, approval.operation_id);
    if (operation === null || operation.state !== 'awaiting_approval') continue;
    if (!operation.changes.some((change) => held.includes(rolledBack(change) ?? ''))) continue;

    try {
      await endWithdrawn(services, operation, {
        message: `operation ${by.id} rolled this version back already`,
      });
    } catch (error) {
      // It moved on meanwhile, and its own check refuses it.
      if (!isGantryError(error, 'operation_raced')) throw error;
    }
  }
}

/** The version that a change rolls back; null for another change. */
function rolledBack(change: Change): string | null {
  return change.kind === 'version_rollback' ? change.version_id : null;
}
