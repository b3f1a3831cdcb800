import { describe, expect, it } from 'vitest';
import type { VersionUse } from '../../../shared/actions/modules/index.ts';
import { kindOf } from '../../../shared/actions/operations/index.ts';
import { type Change, defaultPolicy } from '../../../shared/domain/operations/index.ts';
import { live, module, next, promotion } from './change-factory.ts';

const use: VersionUse = {
  version_id: 'ver_2',
  template_id: 'tpl_1',
  template: 'web',
  track: 'live',
  machines: 3,
  constraint: null,
};

describe('a promotion over several states', () => {
  const asked = { module_promote_to_staging: 2, module_promote_to_blessed: 3 };

  it('meets the strictest of the policies on its way, under the action of the last state', async () => {
    const change = promotion('live', null, { from: 'built' });
    const met = await kindOf(change).policy(change, async (action) => ({
      ...defaultPolicy(action),
      decision: 'require_approval',
      quorum: asked[action as keyof typeof asked] ?? 1,
    }));
    expect(met).toMatchObject({ action: 'module_promote_to_live', quorum: 3 });
  });

  it('is denied where a state on its way is', async () => {
    const change = promotion('live', null, { from: 'built' });
    const met = await kindOf(change).policy(change, async (action) => ({
      ...defaultPolicy(action),
      decision: action === 'module_promote_to_staging' ? 'deny' : 'allow',
    }));
    expect(met).toMatchObject({ action: 'module_promote_to_live', decision: 'deny' });
  });
});

describe('a promotion is refused', () => {
  it.each<[string, Change, unknown, string]>([
    [
      'that retires what no other version can replace',
      promotion('retired'),
      { version: next, module, live, uses: [use] },
      'in_use',
    ],
    [
      'that promotes a version which went back meanwhile',
      promotion('live', 'ver_1'),
      { version: { ...next, promotion_state: 'staging' }, module, live, uses: [] },
      'operation_raced',
    ],
    [
      'that would replace another version than reviewers saw',
      promotion('live', 'ver_0'),
      { version: next, module, live, uses: [] },
      'operation_raced',
    ],
    [
      'that would replace a version where reviewers saw none',
      promotion('live', null),
      { version: next, module, live, uses: [] },
      'operation_raced',
    ],
    [
      'whose version was quarantined after it was planned',
      promotion('live', 'ver_1'),
      { version: { ...next, quarantined: true }, module, live, uses: [] },
      'version_quarantined',
    ],
  ])('%s', (_, change, rows, code) => {
    expect(() => kindOf(change).check(change, rows)).toThrow(expect.objectContaining({ code }));
  });

  it('not if it asks by name to withdraw what is in use', () => {
    const change = promotion('retired', null, { withdraw: true });
    const rows = { version: next, module, live, uses: [use] };
    expect(() => kindOf(change).check(change, rows)).not.toThrow();
  });

  it('not if another request promoted the version part of the way', () => {
    const change = promotion('live', 'ver_1', { from: 'built' });
    const rows = { version: next, module, live, uses: [] };
    expect(() => kindOf(change).check(change, rows)).not.toThrow();
  });
});
