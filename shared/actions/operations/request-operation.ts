import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { newId } from '../../base/ids.ts';
import { correlationId, newCorrelationId } from '../../base/log-context.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Action, Change, Operation } from '../../domain/operations/index.ts';
import { transact } from '../../store/db.ts';
import { createEvent } from '../../store/event.ts';
import { createOperation } from '../../store/operations/index.ts';
import { nowIso, type Services } from '../context/index.ts';

/**
 * Asks for a change that goes through policies, composition and, where asked for, approval: one record, one Step
 * Functions execution.
 */
export async function requestOperation(
  services: Services,
  caller: Caller,
  action: Action,
  change: Change,
  summary: string,
): Promise<Operation> {
  const at = nowIso(services);
  const operation: Operation = {
    account: caller.account,
    id: newId('operation'),
    action,
    change,
    summary,
    state: 'requested',
    requested_by: caller.actor,
    approval_id: null,
    attempt: 1,
    correlation_id: correlationId() ?? newCorrelationId(),
    code: null,
    message: null,
    created_at: at,
    updated_at: at,
  };
  await transact(services.db, [
    createOperation(operation),
    createEvent({
      type: 'gantry.operation.requested',
      account: caller.account,
      subject: `operation/${operation.id}`,
      actor: caller.actor,
      at,
      data: { action, summary },
    }),
  ]);
  try {
    await startExecution(services, operation);
  } catch {
    // It is recorded, and whoever is told otherwise asks twice. The sweep starts it within minutes, and fails aloud itself.
  }
  return operation;
}

/** The name that an operation's execution has; a second start of the same attempt is refused by Step Functions. */
export function executionName(operation: Pick<Operation, 'id' | 'attempt'>): string {
  return `${operation.id}-${operation.attempt}`;
}

export async function startExecution(services: Services, operation: Operation): Promise<void> {
  try {
    await services.aws.sfn.send(
      new StartExecutionCommand({
        stateMachineArn: services.settings.stateMachineArn,
        name: executionName(operation),
        input: JSON.stringify({
          account: operation.account,
          operation_id: operation.id,
          correlation_id: operation.correlation_id,
        }),
      }),
    );
  } catch (error) {
    if ((error as { name?: string }).name !== 'ExecutionAlreadyExists') throw error;
  }
}
