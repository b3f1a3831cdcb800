import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  grantAfter,
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

describe('what a track is granted after an operation', () => {
  const said = (digest: string, module = 'acme/a') => ({ ...one(module), digest });
  const inPlace = [said('1'), said('1', 'acme/b')];

  it('is what the operation let through, and what it replaces', () => {
    expect(grantAfter([], { inPlace, found: [said('2')] })).toEqual([said('1'), said('2')]);
    expect(grantAfter([], { inPlace: [], found: [said('2')] })).toEqual([said('2')]);
  });

  it('keeps earlier grants that are not in place, each once', () => {
    const granted = [said('1'), said('0'), said('2')];
    expect(grantAfter(granted, { inPlace, found: [said('2')] })).toEqual([
      said('0'),
      said('1'),
      said('2'),
    ]);
  });

  it('stays the same when it is noted again, also once it is in place', () => {
    const found = [said('2')];
    const noted = grantAfter([], { inPlace, found });
    expect(grantAfter(noted, { inPlace, found })).toEqual(noted);
    expect(grantAfter(noted, { inPlace: found, found })).toEqual(noted);
  });

  it('is bounded: the oldest are asked for again', () => {
    const granted = Array.from({ length: limits.grantedPrivilegesMax }, (_, i) => said(`old ${i}`));
    const after = grantAfter(granted, { inPlace: [], found: [said('new')] });
    expect([after.length, after[0], after.at(-1)]).toEqual([
      limits.grantedPrivilegesMax,
      said('old 1'),
      said('new'),
    ]);
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
