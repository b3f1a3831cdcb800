import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, listNearest, sayNearest } from '../../../shared/base/nearest.ts';
import { notFoundError } from '../../../shared/base/not-found.ts';

describe('what exists beside a name that does not', () => {
  it('is listed with the most similar names first', () => {
    expect(listNearest('usrland', ['apps', 'kernel', 'userland'])).toBe('userland, kernel, apps');
  });

  it('is none of nothing', () => expect(listNearest('web', [])).toBe('none'));

  it.each([
    [[], 'there is none'],
    [['web'], 'there is only web'],
    [['web', 'pi'], 'there are web, pi'],
  ])('of %j is a clause', (known, clause) => expect(sayNearest('webb', known)).toBe(clause));

  it('is at most eight names, and the number of the others', () => {
    const known = Array.from({ length: 30 }, (_, i) => `module-${i}`);
    const listed = listNearest('module-7', known);
    expect(listed.startsWith('module-7, ')).toBe(true);
    expect(listed).toMatch(/(?:module-\d+, ){7}module-\d+ and 22 more$/);
  });

  it('is not counted if not all of them are known', () => {
    expect(sayNearest('webb', ['web'], true)).toBe('there are web and others');
  });

  it('stands in the error', () => {
    const named = { account: 'demo', name: 'webb', known: ['web', 'pi'] };
    expect(notFoundError('template', named).message).toBe(
      'expected a template of account "demo", found no webb; it has web, pi',
    );
  });
});

it('the distance of two names is 0 only for the same, and the same both ways', () => {
  const name = fc.string({ maxLength: 40 });
  fc.assert(
    fc.property(name, name, (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
    }),
  );
});

it.each([
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
  ['flaw', 'lawn', 2],
])('%j becomes %j by %i edits', (from, to, edits) => expect(editDistance(from, to)).toBe(edits));
