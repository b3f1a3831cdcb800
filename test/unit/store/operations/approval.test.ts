import { expect, it } from 'vitest';
import { openApprovals, recentApprovals } from '../../../../shared/store/operations/index.ts';
import { tableThat } from '../../../support/stub-table.ts';

const { db, inputs } = tableThat(() => ({ Items: [] }));

it.each([
  ['what waits', () => openApprovals(db, 'acme')],
  ['a page of what waits', () => recentApprovals(db, { account: 'acme', open: true }, 50)],
])('%s is read from the index of open approvals, not from the history', async (_, read) => {
  inputs.length = 0;
  await read();
  expect(inputs).toMatchObject([
    { IndexName: 'gsi2', ExpressionAttributeValues: { ':pk': 'acme#approvals#open' } },
  ]);
});

it('a page of the history is read no further than its end', async () => {
  inputs.length = 0;
  await recentApprovals(db, { account: 'acme', open: false }, 50);
  expect(inputs).toMatchObject([{ IndexName: 'gsi1', Limit: 51 }]);
});
