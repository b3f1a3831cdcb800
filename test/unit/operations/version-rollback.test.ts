import { describe, expect, it } from 'vitest';
import { kindOf, viewsOf } from '../../../shared/actions/operations/index.ts';
import { inView } from '../../../shared/domain/compose/index.ts';
import { defaultPolicy, type InterventionPolicy } from '../../../shared/domain/operations/index.ts';
import {
  at,
  live,
  module,
  previous,
  rollback,
  rollbackReview,
  view,
  withheld,
  withholding,
  writesOf,
  written,
} from './change-factory.ts';

const rows = { module, bad: live, target: previous };
const later = { ...rollback, review_id: 'op_2' };

describe('a rollback', () => {
  it.each<[object, string]>([
    [{ ...rows, module: { ...module, live_version_id: 'ver_9' } }, 'operation_raced'],
    [{ ...rows, target: { ...previous, was_live: false } }, 'rollback_impossible'],
    [{ ...rows, target: { ...previous, promotion_state: 'retired' } }, 'rollback_impossible'],
    [{ ...rows, target: { ...previous, quarantined: true } }, 'rollback_impossible'],
    [{ ...rows, target: { ...previous, held: true } }, 'rollback_impossible'],
  ])('is refused for %j: %s', (found, code) => {
    expect(() => kindOf(rollback).check(rollback, found)).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('is composed with the held version out of choice, on every track', () => {
    const seen = viewsOf([rollback], at).template(view);
    expect(inView(seen, live)).toMatchObject({ promotion_state: 'blessed', held: true });
    expect(inView(seen, previous)).toMatchObject({ promotion_state: 'live', held: false });
  });

  it.each<[InterventionPolicy['decision'], InterventionPolicy['decision']]>([
    ['require_approval', 'allow'],
    ['allow', 'allow'],
    ['deny', 'deny'],
  ])('by break-glass under the policy %s needs %s', async (decision, expected) => {
    const met = await kindOf(later).policy(later, async (action) => ({
      ...defaultPolicy(action),
      decision,
    }));
    expect(met.decision).toBe(expected);
  });

  it('by break-glass makes the operation that asks reviewers in the same transaction', () => {
    const writes = writesOf(later, rows);
    expect(written(writes)).toEqual({
      events: ['gantry.version.rolled_back', 'gantry.version.promoted'],
      rows: 4,
    });
    expect(writes.flatMap(({ item }) => item.Put?.Item?.id ?? [])).toContain('op_2');
  });

  it('that was applied is reviewed even if the policy asks nobody', async () => {
    const met = await kindOf(rollbackReview).policy(rollbackReview, async (action) => ({
      ...defaultPolicy(action),
      decision: 'allow',
    }));
    expect(met.decision).toBe('require_approval');
  });

  it('that was applied shows both versions and its templates, and composes nothing', () => {
    const kind = kindOf(rollbackReview);
    const { facts } = kind.review(rollbackReview, { bad: live, target: previous });
    expect(facts).toContainEqual({
      name: 'version',
      was: live.version_string,
      now: previous.version_string,
    });

    expect(kind.tried(rollbackReview, 'acme')).toEqual({ of: 'nothing' });
    expect(kind.reviewed?.(rollbackReview, 'acme')).toEqual(
      kindOf(rollback).tried(rollback, 'acme'),
    );
  });
});

describe('a version', () => {
  it.each([
    ['yank', { yanked: withheld }],
    ['unyank', { held: withheld }],
    ['quarantine', { quarantined: withheld }],
    ['release', { yanked: withheld }],
    ['release', {}],
  ] as const)('is not the object of %s if that changes nothing: %j', (verb, found) => {
    const change = withholding(verb);
    expect(() => kindOf(change).check(change, { ...live, withheld: found })).toThrow(
      expect.objectContaining({ code: 'promotion_state_invalid' }),
    );
  });
});
