import { describe, expect, test } from 'vitest';
import { keepBy } from '../../../shared/base/filters.ts';
import {
  categoryTests,
  lifecycleAliases,
  lifecycleState,
  promotionStates,
  versionTests,
} from '../../../shared/domain/modules/index.ts';
import { storedVersion } from '../../support/stored.ts';

test('the older words for states lead to them and back', () => {
  const words = promotionStates.map(lifecycleState);
  expect(words).toEqual(['draft', 'staging', 'blessed', 'live', 'archived']);
  expect(words.map((word) => lifecycleAliases[word] ?? word)).toEqual(promotionStates);
});

describe('a list', () => {
  test.each([
    [{ version: '1.*' }, true],
    [{ version: '2.*' }, false],
    [{ state: 'staging' }, true],
    [{ state: 'live' }, false],
  ] as const)('of versions with %j has this one: %s', (wanted, listed) => {
    expect(keepBy(versionTests, wanted)(storedVersion('acme', 'redis', '1.0.0'))).toBe(listed);
  });

  test.each([
    [{ name: 'user*' }, true],
    [{ name: 'net*' }, false],
  ])('of categories with %j has this one: %s', (wanted, listed) => {
    const at = '2026-01-01T00:00:00.000Z';
    const row = { account: 'acme', slug: 'userland', position: 90, created_at: at };
    expect(keepBy(categoryTests, wanted)({ ...row, module_added_at: null })).toBe(listed);
  });
});
