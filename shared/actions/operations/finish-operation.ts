import type { ErrorCode } from '../../base/error-codes.ts';
import type { EventType } from '../../contract/events/index.ts';
import { aboutOf, finalOperationStates, type Operation } from '../../domain/operations/index.ts';
import { createEvent } from '../../store/event.ts';
import { updateApproval, updateOperation } from '../../store/operations/index.ts';
import { transact, type Write } from '../../store/table/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import { approvalOf } from './approvals/request-approval.ts';

const eventOf = {
  succeeded: 'gantry.operation.succeeded',
  refused: 'gantry.operation.refused',
  rejected: 'gantry.operation.refused',
  failed: 'gantry.operation.failed',
  expired: 'gantry.operation.expired',
  withdrawn: 'gantry.operation.withdrawn',
} as const satisfies Record<string, EventType>;

/** How an operation ended. Code and message are null if it succeeded. */
export interface Ending {
  state: keyof typeof eventOf;
  code: ErrorCode | null;
  message: string | null;
  /** Writes of other rows in the same transaction. */
  beside?: Write[];
}

export function isFinal({ state }: Pick<Operation, 'state'>): boolean {
  return finalOperationStates.includes(state);
}

/**
 * Ends an operation, and its approval if that is still pending. Ending it a second time changes
 * nothing.
 * @param extra writes of the same transaction, which end the approval
 */
export async function finishOperation(
  services: Services,
  operation: Operation,
  { state, code, message, beside = [] }: Ending,
  extra: Write[] = [],
): Promise<void> {
  if (isFinal(operation)) return;

  const at = nowIso(services);
  const { account, id, actions, summary } = operation;
  const pending = await approvalOf(services, operation);
  const closes = pending?.state === 'pending' && extra.length === 0;
  const closed = state === 'expired' ? 'expired' : 'withdrawn';

  await transact(services.db, [
    updateOperation(operation, { state, code, message, updated_at: at }),
    ...(closes ? [updateApproval(pending, { state: closed, task_token: null })] : []),
    ...extra,
    ...beside,
    createEvent({
      type: eventOf[state],
      account,
      subject: `operation/${id}`,
      actor: 'gantry:promote',
      at,
      data: { actions, summary, about: aboutOf(operation), code, message },
    }),
  ]);
}
