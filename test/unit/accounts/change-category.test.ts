import { expect, it } from 'vitest';
import { updateCategory } from '../../../shared/actions/accounts/index.ts';
import { stageCaller } from '../../../shared/domain/accounts/index.ts';
import { createCategory } from '../../../shared/store/accounts/index.ts';
import { tableThat } from '../../support/stub-table.ts';
import { idleServices } from '../functions/api/services.ts';

it('a category that does not exist is refused with those that do', async () => {
  const created_at = '2026-01-01T00:00:00.000Z';
  const stored = ['databases', 'userland'].map((slug, position) => {
    const category = { account: 'acme', slug, position, module_added_at: null, created_at };
    return createCategory(category).item.Put?.Item;
  });
  const { db } = tableThat((input) => ('Key' in input ? {} : { Items: stored }));
  const caller = stageCaller('acme', 'tests');

  await expect(
    updateCategory({ ...idleServices(), db }, caller, 'database', { slug: 'storage' }),
  ).rejects.toMatchObject({
    code: 'not_found',
    message: 'expected a category of account "acme", found no database; it has databases, userland',
  });
});
