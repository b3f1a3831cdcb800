import { expect, it } from 'vitest';
import { runOperationStep } from '../../../shared/actions/operations/index.ts';
import type { Change, Operation } from '../../../shared/domain/operations/index.ts';
import { createModule } from '../../../shared/store/modules/index.ts';
import { createApproval, createOperation } from '../../../shared/store/operations/index.ts';
import { approvalOf } from '../../support/approval.ts';
import { tableThat } from '../../support/stub-table.ts';
import { idleServices } from '../functions/api/services.ts';
import { module, operationOf, rollback } from './change-factory.ts';

const rollbackOf = (id: string, change: Change, more: Partial<Operation>): Operation =>
  operationOf([change], {
    id,
    actions: ['module_rollback'],
    state: 'awaiting_approval',
    ...more,
  });

const approvalFor = (operation_id: string) =>
  approvalOf({
    id: `apr_${operation_id}`,
    operation_id,
    actions: ['module_rollback'],
    task_token: 'token',
  });

/** The rows, and what is written and sent while a rollback with break-glass is closed. */
async function close(waiting: Change) {
  const rows = [
    createModule(module),
    createOperation(rollbackOf('op_1', { ...rollback, review_id: 'op_2' }, { state: 'applying' })),
    createOperation(rollbackOf('op_3', waiting, { approval_id: 'apr_op_3' })),
    createApproval(approvalFor('op_3')),
  ].map(({ item }) => item.Put?.Item ?? {});

  const { db, inputs } = tableThat((input) => {
    const { Key, ExpressionAttributeValues: values } = input as Record<
      string,
      Record<string, unknown>
    >;
    if (Key !== undefined) return { Item: rows.find(({ pk }) => pk === Key.pk) };
    return { Items: rows.filter(({ gsi2pk }) => gsi2pk === values?.[':pk']) };
  });

  const services = { ...idleServices(), db };
  const sent: unknown[] = [];
  services.aws.sfn.middlewareStack.add(
    () =>
      async ({ input }) => {
        sent.push(input);
        return { response: {}, output: { $metadata: {} } };
      },
    { step: 'initialize', priority: 'high' },
  );

  const step = { step: 'notify', account: 'acme', operation_id: 'op_1' } as const;
  await runOperationStep(services, step);
  return { sent, written: JSON.stringify(inputs.filter((one) => 'TransactItems' in one)) };
}

it('a rollback that waits is withdrawn once another one held the version', async () => {
  const { sent, written } = await close({ ...rollback, reason: 'is slow' });
  expect(written).toContain('operation op_1 rolled this version back already');
  expect(sent).toEqual([{ taskToken: 'token', output: '{"decision":"withdrawn"}' }]);
});

it('a rollback of another version waits on', async () => {
  const { sent, written } = await close({ ...rollback, version_id: 'ver_9' });
  expect(written).not.toContain('rolled this version back already');
  expect(sent).toEqual([]);
});
