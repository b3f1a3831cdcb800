import { SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import { finalOperationStates, type Operation } from '../domain/operation.ts';
import type { Caller } from '../domain/role.ts';
import { GantryError } from '../error.ts';
import { getApproval, getOperation } from '../store/operation.ts';
import { finish } from './run-operation.ts';
import type { Services } from './services.ts';

/** Takes a request back, as long as it is not being applied. Its approval links end with it. */
export async function withdrawOperation(services: Services, caller: Caller, id: string): Promise<Operation> {
  const operation = await getOperation(services.db, caller.account, id);
  if (operation === null)
    throw new GantryError('not_found', `expected an operation of account "${caller.account}", found no ${id}`);
  if (finalOperationStates.includes(operation.state) || operation.state === 'applying') {
    throw new GantryError('conflict', `expected an open operation, found one that is ${operation.state}`);
  }
  const approval =
    operation.approval_id === null ? null : await getApproval(services.db, caller.account, operation.approval_id);
  await finish(services, operation, 'withdrawn', 'approval_withdrawn', `withdrawn by ${caller.actor}`);
  const taskToken = approval?.task_token;
  if (taskToken !== null && taskToken !== undefined) {
    const command = new SendTaskSuccessCommand({ taskToken, output: '{"decision":"withdrawn"}' });
    await services.aws.sfn.send(command).catch((error: { name?: string }) => {
      if (!['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'].includes(error.name ?? '')) throw error;
    });
  }
  return { ...operation, state: 'withdrawn' };
}
