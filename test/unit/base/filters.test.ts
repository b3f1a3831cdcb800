import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepBy, matchesName } from '../../../shared/base/filters.ts';

describe('a name matches', () => {
  it.each([
    ['web-1', 'web-1', true],
    ['web-1', 'web-10', false],
    ['web-*', 'web-10', true],
    ['*-1', 'web-1', true],
    ['w*b-*', 'web-1', true],
    ['*', '', true],
    ['ab*ba', 'aba', false],
    ['a*b*c', 'a-c-b', false],
    ['web.1', 'webx1', false],
  ])('%s: %s is %s', (pattern, text, expected) => {
    expect(matchesName(pattern, text)).toBe(expected);
  });

  it('as the regular expression does that has .* for *', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    fc.assert(
      fc.property(text, text, (pattern, name) => {
        const regexp = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
        expect(matchesName(pattern, name)).toBe(regexp.test(name));
      }),
    );
  });
});

describe('a filtered list', () => {
  const filters = {
    name: { kind: 'name', about: 'name' },
    old: { kind: 'flag', about: 'list old ones' },
  } as const;
  const keep = (wanted: { name?: string; old?: boolean }) =>
    keepBy<{ name: string; old: boolean }, typeof filters>(
      {
        name: (row, name) => matchesName(name, row.name),
        old: (row, old) => row.old === old,
      },
      wanted,
    );

  it('keeps what passes every filter that is set', () => {
    const row = { name: 'web', old: false };
    expect(keep({})(row)).toBe(true);
    expect(keep({ name: 'w*', old: false })(row)).toBe(true);
    expect(keep({ name: 'w*', old: true })(row)).toBe(false);
    expect(keep({ name: 'x*', old: false })(row)).toBe(false);
  });
});
