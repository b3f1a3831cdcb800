import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { GantryError } from '../../base/error.ts';
import { newId } from '../../base/ids.ts';
import { correlationId, newCorrelationId } from '../../base/log-context.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { aboutOf, type Change, type Operation } from '../../domain/operations/index.ts';
import { createEvent } from '../../store/event.ts';
import {
  createOperation,
  getOpenRequest,
  type OpenRequest,
  putOpenRequest,
} from '../../store/operations/index.ts';
import type { Write } from '../../store/table/index.ts';
import { commit, nowIso, type Services } from '../context/index.ts';
import { kindOf } from './changes/index.ts';
import { changeWrites, type ReadChange, readChanges } from './operation-writes.ts';
import { findSameRequest, fingerprintOf } from './same-request.ts';

/** How many summaries of changes the summary of an operation quotes before it counts the rest. */
const summariesMax = 3;

/**
 * Requests changes that are applied together or not at all. Policies, compositions and, if a policy
 * requires it, one approval decide. The operation has one record and one Step Functions execution.
 * Returns the operation that waits already if the same changes were requested.
 * Throws `invalid_request` for no change or two changes of the same thing, `change_too_wide` for
 * more than one transaction holds, and the coded error of a missing row.
 * @param beside writes of the transaction that records the operation
 */
export async function requestChanges(
  services: Services,
  caller: Caller,
  changes: Change[],
  beside: (operation: Operation) => Write[] = () => [],
): Promise<Operation> {
  if (changes.length === 0) {
    throw new GantryError('invalid_request', 'expected a change, found none', { field: 'changes' });
  }

  const read = await readChanges(services, { account: caller.account, changes });

  const { operation, made } = await retryConflicts(async () => {
    const request = await getOpenRequest(services.db, caller.account, fingerprintOf(changes));
    const same = await findSameRequest(services, request);
    if (same !== null) return { operation: same, made: false };
    return { operation: await record(services, caller, read, { request, beside }), made: true };
  });
  if (!made) return operation;

  try {
    await startExecution(services, operation);
  } catch {
    // The request is recorded, and an error would make the caller request it twice. The sweep
    // starts it within minutes.
  }

  return operation;
}

/** Records the operation as requested, and that it is the one of its changes. */
async function record(
  services: Services,
  caller: Caller,
  read: readonly ReadChange[],
  { request, beside }: { request: OpenRequest; beside: (operation: Operation) => Write[] },
): Promise<Operation> {
  const { account, actor, person } = caller;
  const changes = read.map(({ change }) => change);
  const at = nowIso(services);

  const operation: Operation = {
    account,
    id: newId('operation'),
    actions: [...new Set(changes.map((change) => kindOf(change).action(change)))],
    changes,
    summary: joinSummaries(
      read.map(({ change, rows }) => kindOf(change).summary(change, rows, account)),
    ),
    state: 'requested',
    requested_by: actor,
    requested_by_person: person,
    approval_id: null,
    attempt: 1,
    announced_at: null,
    correlation_id: correlationId() ?? newCorrelationId(),
    code: null,
    message: null,
    revision: 1,
    created_at: at,
    updated_at: at,
  };

  // Refuse changes that no transaction could apply before anything is recorded.
  changeWrites({ operation, approvals: [], at }, read);

  const { actions, summary } = operation;
  const writes = [
    createOperation(operation),
    putOpenRequest(request, operation.id),
    ...beside(operation),
    createEvent({
      type: 'gantry.operation.requested',
      account,
      subject: `operation/${operation.id}`,
      actor,
      at,
      data: { actions, summary, about: aboutOf(operation) },
    }),
  ];
  return commit(services, writes, operation);
}

function joinSummaries(summaries: readonly string[]): string {
  const more = summaries.length - summariesMax;
  const shown = summaries.slice(0, summariesMax).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/**
 * The name of an operation's execution; Step Functions refuses a second start of the same attempt.
 */
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
