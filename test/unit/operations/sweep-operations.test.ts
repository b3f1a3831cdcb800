import { expect, it } from 'vitest';
import { sweepOperations } from '../../../shared/actions/operations/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import type { Operation } from '../../../shared/domain/operations/index.ts';
import { createOperation } from '../../../shared/store/operations/index.ts';
import { tableThat } from '../../support/stub-table.ts';
import { idleServices } from '../functions/api/services.ts';
import { operationOf, removal } from './change-factory.ts';

const idle = operationOf([removal]);

/** What the sweep writes of an operation that has no execution. */
async function sweep(more: Partial<Operation>) {
  const item = createOperation({ ...idle, ...more }).item.Put?.Item;
  const { db, inputs } = tableThat((input) => {
    const { Key, ExpressionAttributeValues: values } = input as Record<
      string,
      { [k: string]: unknown }
    >;
    if (Key !== undefined) return Key.pk === item?.pk ? { Item: item } : {};
    return { Items: values?.[':pk'] === item?.gsi2pk ? [item] : [] };
  });

  const services = { ...idleServices(), db };
  services.aws.sfn.middlewareStack.add(
    (_, { commandName }) =>
      async () => {
        if (commandName === 'DescribeExecutionCommand')
          throw Object.assign(new Error('none'), { name: 'ExecutionDoesNotExist' });
        return { response: {}, output: { $metadata: {} } };
      },
    { step: 'initialize', priority: 'high' },
  );

  const started = await sweepOperations(services);
  const written = JSON.stringify(inputs.filter((input) => 'TransactItems' in input));
  return { started, written };
}

const max = limits.operationAttemptsMax;

it('an operation whose executions died too often fails', async () => {
  const { written } = await sweep({ attempt: max });
  expect(written).toContain(`its execution died ${max} times`);
});

it.each([
  ['ended for a freeze now', { attempt: max, code: 'frozen' }, 1],
  ['ended for a freeze before', { attempt: max, freezes: 1 }, 1],
  ['ended for freezes', { attempt: max + 1, freezes: 1, code: 'frozen' }, 2],
] as const)('an execution that %s is not one that died', async (_, more, freezes) => {
  const { started, written } = await sweep(more);
  expect(started).toBe(1);
  expect(written).toContain(`":freezes_u0":${freezes}`);
});

it('a death after a freeze counts once', async () => {
  const { written } = await sweep({ attempt: max + 2, freezes: 2 });
  expect(written).toContain(`its execution died ${max} times`);
});
