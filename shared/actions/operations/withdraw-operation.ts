import { GantryError } from '../../base/error.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { finalOperationStates, type Operation } from '../../domain/operations/index.ts';
import { getApproval, getOperation } from '../../store/operations/index.ts';
import type { Services } from '../context/index.ts';
import { wake } from './approvals/decide-approval.ts';
import { finish } from './run-operation.ts';

/** Takes a request back, as long as it is not being applied. Its approval links end with it. */
export async function withdrawOperation(
  services: Services,
  caller: Caller,
  id: string,
): Promise<Operation> {
  const operation = await getOperation(services.db, caller.account, id);
  if (operation === null)
    throw new GantryError(
      'not_found',
      `expected an operation of account "${caller.account}", found no ${id}`,
    );
  if (finalOperationStates.includes(operation.state) || operation.state === 'applying') {
    throw new GantryError(
      'conflict',
      `expected an open operation, found one that is ${operation.state}`,
    );
  }
  const approval =
    operation.approval_id === null
      ? null
      : await getApproval(services.db, caller.account, operation.approval_id);
  const message = `withdrawn by ${caller.actor}`;
  await finish(services, operation, 'withdrawn', 'approval_withdrawn', message);
  if (approval !== null && approval.task_token !== null)
    await wake(services, approval.task_token, 'withdrawn');
  return { ...operation, state: 'withdrawn', code: 'approval_withdrawn', message };
}
