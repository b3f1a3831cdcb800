import { expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import type { GroupedPrivilege } from '../../../shared/domain/compose/index.ts';
import { privilegeLines, reviewPrivileges } from '../../../shared/domain/operations/index.ts';

const place = { template_id: 'tpl_1', track: 'live' } as const;
const privilege = (module: string, sentence: string): GroupedPrivilege => ({
  module,
  kind: 'privileged',
  sentence,
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
