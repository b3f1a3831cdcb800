import { describe, expect, it } from 'vitest';
import {
  groupPrivileges,
  newPrivileges,
  type Privilege,
  privilegeText,
} from '../../../shared/domain/compose/index.ts';

const one = (module: string, sentence = 'It runs privileged.'): Privilege => ({
  module,
  kind: 'privileged',
  sentence,
});

describe('a privilege is new', () => {
  it('if the composition before has none of its module, or another one', () => {
    const before = [one('acme/a'), one('acme/b', 'It ships a unit.')];
    const after = [one('acme/a'), one('acme/b'), one('acme/c')];
    expect(newPrivileges(before, after)).toEqual([one('acme/b'), one('acme/c')]);
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
  });
});
