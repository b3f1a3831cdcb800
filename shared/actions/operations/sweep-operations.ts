import { DescribeExecutionCommand } from '@aws-sdk/client-sfn';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import {
  countDeaths,
  finalOperationStates,
  type Operation,
} from '../../domain/operations/index.ts';
import {
  getApproval,
  getOperation,
  idleOperations,
  lookLater,
  updateOperation,
} from '../../store/operations/index.ts';
import { transact } from '../../store/table/index.ts';
import { completeTask, later, nowIso, type Services } from '../context/index.ts';
import { remindReviewers } from './approvals/mail-reviewers.ts';
import { finishOperation } from './finish-operation.ts';
import { keepWaiting } from './freeze-wait.ts';
import { executionName, startExecution } from './request-changes.ts';

/**
 * Restarts operations whose execution died: it never started, was stopped, or came back FAILED
 * after an outage. The record says what is left to do, so a second execution repeats nothing. Wakes
 * an execution that still waits although its approval is decided, and reminds reviewers. Starts
 * what waited for the end of a freeze. Returns how many executions it started. A failure of one
 * operation does not stop the others.
 */
export async function sweepOperations(services: Services): Promise<number> {
  let started = 0;
  const faults: unknown[] = [];

  for (const idle of await idleOperations(
    services.db,
    later(services, -limits.operationIdleSeconds),
  )) {
    try {
      const operation = await getOperation(services.db, idle.account, idle.id);
      if (operation === null || finalOperationStates.includes(operation.state)) continue;

      if (await keepWaiting(services, operation)) continue;
      if (await isAlive(services, operation)) {
        await lookAtApproval(services, operation);
        await transact(services.db, [
          lookLater(operation, later(services, limits.operationLookSeconds)),
        ]);
      } else {
        await revive(services, operation);
        started += 1;
      }
    } catch (error) {
      // Another sweep was faster, or the operation advanced meanwhile.
      if (!(error instanceof GantryError)) faults.push(error);
    }
  }

  if (faults.length > 0)
    throw new AggregateError(faults, `${faults.length} operations could not be checked`);
  return started;
}

/**
 * Wakes an execution whose approval is decided: the function that recorded it may have died before
 * it did so. Reminds the reviewers of an undecided one.
 */
async function lookAtApproval(services: Services, operation: Operation): Promise<void> {
  if (operation.state !== 'awaiting_approval' || operation.approval_id === null) return;
  const approval = await getApproval(services.db, operation.account, operation.approval_id);
  if (approval?.state === 'approved' && approval.task_token !== null) {
    await completeTask(services, approval.task_token, { decision: 'approved' });
  }
  if (approval?.state === 'pending') await remindReviewers(services, operation, approval);
}

async function isAlive(services: Services, operation: Operation): Promise<boolean> {
  const machine = services.settings.stateMachineArn.replace(':stateMachine:', ':execution:');
  try {
    const out = await services.aws.sfn.send(
      new DescribeExecutionCommand({ executionArn: `${machine}:${executionName(operation)}` }),
    );
    return out.status === 'RUNNING' || out.status === 'PENDING_REDRIVE';
  } catch (error) {
    if ((error as { name?: string }).name === 'ExecutionDoesNotExist') return false;
    throw error;
  }
}

async function revive(services: Services, operation: Operation): Promise<void> {
  const deaths = countDeaths(operation);
  if (deaths >= limits.operationAttemptsMax) {
    const message = `its execution died ${deaths} times; see the log and request it again`;
    await finishOperation(services, operation, {
      state: 'failed',
      code: 'execution_died',
      message,
    });

    return;
  }

  const next = { ...operation, attempt: operation.attempt + 1 };
  await transact(services.db, [
    updateOperation(operation, {
      attempt: next.attempt,
      freezes: operation.attempt - deaths,
      code: null,
      message: null,
      updated_at: nowIso(services),
    }),
  ]);
  await startExecution(services, next);
}
