import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  packageCode,
  type ReviewedPrivilege,
  withFormer,
} from '../../../shared/domain/compose/index.ts';
import { privilegeLines, reviewPrivileges } from '../../../shared/domain/operations/index.ts';

const place = { template_id: 'tpl_1', track: 'live' } as const;
const privilege = (module: string, sentence: string): ReviewedPrivilege => ({
  module,
  kind: 'privileged',
  sentence,
  digest: sentence,
  was: null,
  places: [place],
});

it('reviewers see the privileges of each module together, with the tracks that get them', () => {
  const found = reviewPrivileges([
    privilege('acme/a', 'It runs privileged.'),
    privilege('acme/a', 'It ships a unit.'),
    {
      ...privilege('acme/b', 'It runs privileged.'),
      places: [place, { ...place, track: 'staging' }],
    },
  ]);
  expect(found).toEqual([
    {
      kind: 'module_assign_privileged',
      facts: [
        { name: 'module', was: null, now: 'acme/a' },
        { name: 'tracks of templates', was: null, now: '1' },
      ],
      warnings: ['It runs privileged.', 'It ships a unit.'],
      content: null,
    },
    {
      kind: 'module_assign_privileged',
      facts: [
        { name: 'module', was: null, now: 'acme/b' },
        { name: 'tracks of templates', was: null, now: '2' },
      ],
      warnings: ['It runs privileged.'],
      content: null,
    },
  ]);
});

it('a mail names the first privileges, and counts the rest', () => {
  const all = Array.from({ length: limits.mailedPrivilegesMax + 2 }, (_, i) =>
    privilege('acme/a', `It ships unit ${i}.`),
  );
  const lines = privilegeLines(all);
  expect(lines[0]).toBe('privilege of acme/a: It ships unit 0.');
  expect(lines.slice(-1)).toEqual(['2 more privileges are on the page, which the link opens.']);
  expect(privilegeLines([])).toEqual([]);
});

describe('a privilege that changes', () => {
  const now = { ...privilege('acme/a', 'It writes a.'), digest: 'b'.repeat(64) };
  const factsOf = (was: ReviewedPrivilege) =>
    reviewPrivileges([withFormer(now, [was])]).flatMap(({ facts }) => facts.slice(2));

  it('is shown old and new', () => {
    expect(factsOf({ ...now, sentence: 'It writes b.', digest: 'a' })).toEqual([
      { name: 'privileged', was: 'It writes b.', now: 'It writes a.' },
    ]);
  });

  it('in the same words is shown by its digests', () => {
    expect(factsOf({ ...now, digest: 'a'.repeat(64) })).toEqual([
      {
        name: 'privileged',
        was: 'It writes a. (sha256 aaaaaaaaaaaa)',
        now: 'It writes a. (sha256 bbbbbbbbbbbb)',
      },
    ]);
    const [line] = privilegeLines([withFormer(now, [{ ...now, digest: 'a' }])]);
    expect(line).toBe('changed privilege of acme/a: It writes a.');
  });

  it('is nothing old where machines have the same one, another kind, or another module', () => {
    expect(factsOf(now)).toEqual([]);
    expect(factsOf({ ...now, kind: 'sudoers', digest: 'a' })).toEqual([]);
    expect(factsOf({ ...now, module: 'acme/b', digest: 'a' })).toEqual([]);
  });
});

it('what packages bring is shown apart, because nobody decides about it', () => {
  const brought = { ...privilege('acme/a', 'Its packages bring x.'), kind: packageCode };
  const found = reviewPrivileges([privilege('acme/a', 'It runs privileged.'), brought]);
  expect(found.map(({ kind, warnings }) => [kind, warnings])).toEqual([
    ['module_assign_privileged', ['It runs privileged.']],
    [packageCode, ['Its packages bring x.']],
  ]);
  expect(privilegeLines([brought])).toEqual(['code of packages of acme/a: Its packages bring x.']);
});
