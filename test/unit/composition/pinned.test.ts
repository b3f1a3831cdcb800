import { describe, expect, it } from 'vitest';
import { pinnedChoices, resolveVersions } from '../../../shared/composition/index.ts';
import { pinsOf, type ResolutionRecord } from '../../../shared/domain/compose/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import { version } from './factory.ts';
import { inputOf, type World } from './resolve-world.ts';

const superseded = { promotion_state: 'blessed', was_live: true } as const;

describe('the choices of a module that a template is pinned to', () => {
  const choices = (pinned: string, versions: Version[]) =>
    pinnedChoices(versions, 'live', pinned).map(
      (one) => `${one.version_string} ${one.because ?? one.standing}`,
    );
  const at = (version_string: string, more: Partial<Version> = {}) =>
    version(version_string, { id: version_string, ...more });

  it('begin with the pinned version; what its account offers besides is not let through', () => {
    expect(choices('1.0.0', [at('1.0.0'), at('1.1.0')])).toEqual([
      '1.0.0 offered',
      '1.1.0 unapproved',
    ]);
  });

  it('lack other versions that are quarantined', () => {
    expect(choices('1.0.0', [at('1.0.0'), at('1.1.0', { quarantined: true })])).toEqual([
      '1.0.0 offered',
    ]);
  });

  it('keep a pinned version that its account superseded', () => {
    expect(choices('1.0.0', [at('1.0.0', superseded), at('1.1.0')])).toEqual([
      '1.0.0 offered',
      '1.1.0 unapproved',
    ]);
  });

  it.each<[string, Partial<Version>]>([
    ['quarantined', { quarantined: true }],
    ['retired', { promotion_state: 'retired' }],
    ['built', { promotion_state: 'built' }],
    ['staging', { promotion_state: 'staging' }],
    [
      'yanked',
      {
        quarantined: true,
        withheld: { yanked: { reason: 'x', by: 'y', at: 'z', operation_id: 'op' } },
      },
    ],
    [
      'held',
      {
        held: true,
        withheld: { held: { reason: 'x', by: 'y', at: 'z', operation_id: 'op' } },
      },
    ],
  ])('withhold a pinned version that is %s, and take no other one', (word, more) => {
    expect(choices('1.0.0', [at('1.0.0', more), at('1.1.0')])).toEqual([
      `1.0.0 ${word}`,
      '1.1.0 unapproved',
    ]);
  });

  it('are none where the pinned one is unknown, so that no constraint takes another', () => {
    expect(choices('gone', [at('1.1.0')])).toEqual([]);
  });
});

describe('a template that is pinned', () => {
  const resolve = (world: World, ...assigned: string[]) =>
    resolveVersions(inputOf(world, assigned)).map(({ choice }) => choice.id);
  const other: World = { 'other/a': { '1.0.0 pinned': [], '1.1.0 unapproved': [] } };

  it('stays with its version while that satisfies the constraints', () => {
    for (const assigned of ['other/a', 'other/a@^1', 'other/a@>=1.0.0'])
      expect(resolve(other, assigned)).toEqual(['other/a@1.0.0']);
  });

  it('takes another version for a constraint that the pinned one does not satisfy', () => {
    expect(resolve(other, 'other/a@>=1.1')).toEqual(['other/a@1.1.0']);
  });

  it('takes another version for what the own module requires', () => {
    const world = { ...other, 'acme/b': { '2.0.0': ['other/a@^1.1'] } };
    expect(resolve(world, 'acme/b')).toEqual(['acme/b@2.0.0', 'other/a@1.1.0']);
  });

  it('does not move an assigned module for what another account requires', () => {
    const world = { ...other, 'third/b': { '2.0.0': ['other/a@^1.1'] } };
    expect(() => resolve(world, 'other/a', 'third/b')).toThrow(/not let through for this template/);
  });

  it('is not composed while its version is withheld, though another one is offered', () => {
    const world: World = {
      'other/a': { '1.0.0 pinned withheld': [], '1.1.0 unapproved': [] },
    };
    for (const assigned of ['other/a', 'other/a@^1'])
      expect(() => resolve(world, assigned)).toThrow(/1\.0\.0 \(quarantined\)/);
    expect(resolve(world, 'other/a@^1.1')).toEqual(['other/a@1.1.0']);
  });

  it('does not move one pinned module because another one is withheld', () => {
    const world: World = {
      'other/a': { '1.0.0 pinned': ['other/b@^1'], '1.1.0 unapproved': ['other/b@^2'] },
      'other/b': { '1.0.0 pinned withheld': [], '2.0.0 unapproved': [] },
    };
    for (const assigned of ['other/a', 'other/a@^1'])
      expect(() => resolve(world, assigned)).toThrow(/other\/b/);
  });
});

describe('pins', () => {
  const record = (more: Partial<ResolutionRecord> = {}): ResolutionRecord => ({
    assigned: [],
    modules: Object.fromEntries(
      ['acme/own', 'other/a'].map((module) => [
        module,
        {
          version_id: `${module}@1`,
          version: '1.0.0',
          assigned: true,
          required_by: [],
          chains: [],
        },
      ]),
    ),
    capabilities: {},
    considered: {},
    settled: true,
    ...more,
  });
  const pins = (previous: ResolutionRecord | null, approved: Record<string, string> = {}) => {
    const entries = Object.entries(approved).map(([module, text]) => {
      const [version_id = '', operation_id = ''] = text.split(' ');
      return [module, { version_id, operation_id }] as const;
    });
    return Object.fromEntries(pinsOf('acme', previous, new Map(entries)));
  };

  it("are the versions of other accounts' modules in place", () => {
    expect(pins(record())).toEqual({ 'other/a': 'other/a@1' });
  });

  it('are a version that was let through since then', () => {
    expect(pins(record(), { 'other/a': 'v2 op_2' })).toEqual({ 'other/a': 'v2' });
    expect(pins(record({ approved: { 'other/a': 'op_1' } }), { 'other/a': 'v2 op_2' })).toEqual({
      'other/a': 'v2',
    });
  });

  it('are what is in place where the composition knew the operation and has another version', () => {
    const previous = record({ approved: { 'other/a': 'op_2' } });
    expect(pins(previous, { 'other/a': 'v2 op_2' })).toEqual({ 'other/a': 'other/a@1' });
  });

  it('are a version that was let through for a module that is not in place', () => {
    const both = { 'other/a': 'other/a@1', 'other/b': 'v2' };
    expect(pins(record(), { 'other/b': 'v2 op_2' })).toEqual(both);
    expect(pins(null, { 'other/a': 'v2 op_2' })).toEqual({ 'other/a': 'v2' });
  });

  it('are none for a module that was removed after it was let through', () => {
    const previous = record({ approved: { 'other/b': 'op_2' } });
    expect(pins(previous, { 'other/b': 'v2 op_2' })).toEqual({ 'other/a': 'other/a@1' });
    // Assigned and let through again, with the same version.
    expect(pins(previous, { 'other/b': 'v2 op_3' })).toMatchObject({ 'other/b': 'v2' });
  });
});
