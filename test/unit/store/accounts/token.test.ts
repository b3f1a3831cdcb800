import { expect, it } from 'vitest';
import type { ApiToken } from '../../../../shared/domain/accounts/index.ts';
import { createToken, findToken, listTokens } from '../../../../shared/store/accounts/index.ts';
import { tableThat } from '../../../support/stub-table.ts';

const tokenOf = (index: number): ApiToken => ({
  account: 'acme',
  id: `tok_${String(index).padStart(5, '0')}`,
  name: `token ${index}`,
  roles: ['viewer'],
  member_id: null,
  created_by_person: 'deployment',
  signed_in_by: null,
  platform: false,
  hash: `hash ${index}`,
  revision: 1,
  created_at: '2026-01-01T00:00:00.000Z',
  expires_at: null,
  revoked_at: null,
  last_used_at: null,
});
const items = Array.from(
  { length: 1005 },
  (_, index) => createToken(tokenOf(index)).item.Put?.Item,
);

/** The tokens in pages of 400, as DynamoDB cuts them by their bytes. */
const { db, inputs } = tableThat(({ ExclusiveStartKey, ...input }) => {
  const { ':sk1': prefix = '' } = {
    ...(input.ExpressionAttributeValues as Record<string, string>),
  };
  const wanted = items.filter((item) => `${item?.id}`.startsWith(prefix));
  const start = Number((ExclusiveStartKey as { at?: number } | undefined)?.at ?? 0);
  const end = start + 400;

  return {
    Items: wanted.slice(start, end),
    ...(end < wanted.length ? { LastEvaluatedKey: { at: end } } : {}),
  };
});

it('lists the tokens of an account beyond the thousandth', async () => {
  expect(await listTokens(db, 'acme')).toHaveLength(1005);
});

it('finds a token beyond the thousandth by one query', async () => {
  inputs.length = 0;
  expect(await findToken(db, 'acme', tokenOf(1004).id)).toEqual(tokenOf(1004));
  expect(inputs).toHaveLength(1);
  expect(await findToken(db, 'acme', 'tok_0')).toBeNull();
});
