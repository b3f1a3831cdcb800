import { describe, expect, it } from 'vitest';
import {
  groupPrivileges,
  needsPolicy,
  newPrivileges,
  type Privilege,
  packageCode,
  privilegeText,
} from '../../../shared/domain/compose/index.ts';

const one = (module: string, sentence = 'It runs privileged.'): Privilege => ({
  module,
  kind: 'privileged',
  sentence,
  digest: sentence,
});

describe('a privilege is new', () => {
  it('if the composition before has none of its module, or another one', () => {
    const before = [one('acme/a'), one('acme/b', 'It ships a unit.')];
    const after = [one('acme/a'), one('acme/b'), one('acme/c')];
    expect(newPrivileges(before, after)).toEqual([one('acme/b'), one('acme/c')]);
  });

  it('if it says something else in the same words', () => {
    const changed = { ...one('acme/a'), digest: 'other' };
    expect(newPrivileges([one('acme/a')], [changed])).toEqual([changed]);
  });

  it('never if the composition before has the same one', () => {
    expect(newPrivileges([one('acme/a'), one('acme/b')], [one('acme/b')])).toEqual([]);
    expect(newPrivileges([], [])).toEqual([]);
  });
});

describe('the privileges of several templates', () => {
  it('are named once, with their places, in the order of the modules', () => {
    const groups = groupPrivileges([
      { template_id: 'tpl_1', track: 'live', privileges: [one('acme/b'), one('acme/a')] },
      { template_id: 'tpl_2', track: 'staging', privileges: [one('acme/b')] },
      { template_id: 'tpl_3', track: 'live' },
    ]);
    expect(groups).toEqual([
      { ...one('acme/a'), places: [{ template_id: 'tpl_1', track: 'live' }] },
      {
        ...one('acme/b'),
        places: [
          { template_id: 'tpl_1', track: 'live' },
          { template_id: 'tpl_2', track: 'staging' },
        ],
      },
    ]);
  });

  it('are named with the policy that decides in a preview', () => {
    expect(privilegeText(one('acme/a'))).toBe(
      'gives acme/a a privilege: It runs privileged. The policy of module_assign_privileged decides.',
    );
    expect(privilegeText({ ...one('acme/a', 'Its packages bring a.'), kind: packageCode })).toBe(
      'brings code of packages with acme/a: Its packages bring a.',
    );
  });
});

it('the policy decides about every kind but what packages bring', () => {
  expect(
    ['unit_file', 'of a later release', packageCode].map((kind) => needsPolicy({ kind })),
  ).toEqual([true, true, false]);
});
