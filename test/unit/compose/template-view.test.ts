import { describe, expect, it } from 'vitest';
import {
  inView,
  moduleInView,
  newDependency,
  type TemplateView,
  viewOf,
  withModuleView,
} from '../../../shared/domain/compose/index.ts';
import { storedModule, storedVersion } from '../../support/stored.ts';
import { template } from '../operations/change-factory.ts';

const version = storedVersion('acme', 'redis', '1.0.0', { id: 'ver_1' });
const unchanged = viewOf(template, []);

describe('a version in the view of a template', () => {
  it('is its row where nothing changes it', () => {
    expect(inView(unchanged, version)).toBe(version);
  });

  it.each<[string, Partial<TemplateView>, object]>([
    [
      'would be promoted',
      { states: new Map([['ver_1', 'blessed']]) },
      { promotion_state: 'blessed' },
    ],
    [
      'would be live, and keeps that it was',
      { states: new Map([['ver_1', 'live']]) },
      { promotion_state: 'live', was_live: true },
    ],
    ['would be held', { held: new Set(['ver_1']) }, { held: true }],
    [
      'would be retired although it is in use',
      { states: new Map([['ver_1', 'retired']]), withdrawn: new Set(['ver_1']) },
      { promotion_state: 'retired', withdrawn: true },
    ],
  ])('%s', (_, view, expected) => {
    expect(inView({ ...unchanged, ...view }, version)).toEqual({ ...version, ...expected });
  });

  it('stays held, and stays one that was live', () => {
    const before = { ...version, held: true, was_live: true };
    expect(inView(unchanged, before)).toBe(before);

    const retired = { ...unchanged, states: new Map([['ver_1', 'retired' as const]]) };
    expect(inView(retired, before)).toEqual({ ...before, promotion_state: 'retired' });
  });
});

describe('a module in the view of a template', () => {
  const redis = storedModule(template.account, 'redis');
  const view = withModuleView(
    withModuleView(unchanged, 'redis', (row) => ({ ...row, category: 'first' })),
    'redis',
    (row) => ({ ...row, id: `${row.category}, then second` }),
  );

  it('has its changes, one after the other', () => {
    expect(moduleInView(view, redis)).toEqual({
      ...redis,
      category: 'first',
      id: 'first, then second',
    });
  });

  it('is its row where only others change', () => {
    expect(moduleInView(unchanged, redis)).toBe(redis);
    const other = storedModule('other', 'redis');
    expect(moduleInView(view, other)).toBe(other);
  });
});

it('nothing is decided about a module at first', () => {
  const key = { account: 'acme', template_id: 'tpl_1', track: 'live', module: 'b/libc' } as const;
  expect(newDependency(key, '2026-01-01T00:00:00.000Z')).toEqual({
    ...key,
    approved_version_id: null,
    approved_by: null,
    proposal: null,
    rejected: [],
    revision: 0,
    updated_at: '2026-01-01T00:00:00.000Z',
  });
});
