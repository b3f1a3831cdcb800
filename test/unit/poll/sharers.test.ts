import { expect, test } from 'vitest';
import {
  groupByPlace,
  orderSharers,
  type Repository,
  unpolledRepository,
} from '../../../shared/domain/poll/index.ts';

function row(account: string, name: string, path: string, polled_at: string | null): Repository {
  const repository = `registry.test/${path}`;
  const at = '2026-01-01T00:00:00.000Z';
  return { ...unpolledRepository({ account, name, repository }, at), polled_at, revision: 1 };
}

test('due rows are one group for each account and repository', () => {
  const rows = [
    row('acme', 'one', 'shared', null),
    row('acme', 'alone', 'alone', null),
    row('other', 'one', 'shared', null),
    row('acme', 'two', 'shared', null),
  ];

  const groups = groupByPlace(rows).map((group) =>
    group.map((one) => `${one.account}/${one.module}`),
  );
  expect(groups).toEqual([['acme/one', 'acme/two'], ['acme/alone'], ['other/one']]);
});

test('a poll reads first for the modules that wait longest', () => {
  const rows = [
    row('acme', 'late', 'shared', '2026-01-01T00:02:00.000Z'),
    row('acme', 'asked', 'shared', null),
    row('acme', 'new', 'shared', null),
    row('acme', 'early', 'shared', '2026-01-01T00:01:00.000Z'),
  ];

  expect(orderSharers(rows, 'asked')).toEqual(['new', 'early', 'late']);
});
