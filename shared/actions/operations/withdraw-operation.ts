import { GantryError } from '../../base/error.ts';
import { type Caller, hasRole } from '../../domain/accounts/index.ts';
import { finalOperationStates, type Operation } from '../../domain/operations/index.ts';
import { getApproval } from '../../store/operations/index.ts';
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

  const approval =
    operation.approval_id === null
      ? null
      : await getApproval(services.db, caller.account, operation.approval_id);
  const ending = {
    state: 'withdrawn',
    code: 'approval_withdrawn',
    message: reason ?? `withdrawn by ${await nameOf(services, caller.account, caller.actor)}`,
  } as const;

  await finishOperation(services, operation, { ...ending, ...(beside && { beside }) });
  if (approval !== null && approval.task_token !== null)
    await completeTask(services, approval.task_token, { decision: 'withdrawn' });
  return { ...operation, ...ending };
}
