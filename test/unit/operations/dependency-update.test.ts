import { describe, expect, it } from 'vitest';
import { kindOf, viewsOf } from '../../../shared/actions/operations/index.ts';
import {
  at,
  dependency,
  dependencyUpdate,
  module,
  proxies,
  template,
  view,
} from './change-factory.ts';

const storedProxy = (promotion_state: 'staging' | 'blessed' | 'retired') => ({
  ...proxies.version,
  promotion_state,
});

describe('an update of a dependency', () => {
  const rows = { template, dependency, module, ...proxies };
  const check = (more: object) => () =>
    kindOf(dependencyUpdate).check(dependencyUpdate, { ...rows, ...more });

  it.each<[string, object]>([
    ['that nothing proposes', { dependency: null }],
    ['that a newer proposal replaced', { dependency: { ...dependency, proposal: null } }],
    ['to a version that is quarantined', { version: { ...proxies.version, quarantined: true } }],
    ['to a version that is held', { version: { ...proxies.version, held: true } }],
    ['to a version that was retired', { version: storedProxy('retired') }],
    ['to a version that the track does not have', { version: storedProxy('staging') }],
  ])('%s is refused', (_, more) => {
    expect(check(more)).toThrow(expect.objectContaining({ code: 'operation_raced' }));
  });

  it('to a version that its account superseded meanwhile is applied', () => {
    expect(check({ version: { ...storedProxy('blessed'), was_live: true } })).not.toThrow();
  });

  it('says why it is urgent', () => {
    const from = { ...proxies.from, quarantined: true };
    expect(kindOf(dependencyUpdate).summary(dependencyUpdate, { ...rows, from }, 'acme')).toBe(
      'update other/proxy 1.0.0 to 1.1.0 in template web (live), because 1.0.0 is quarantined',
    );
  });

  it('is seen by its template alone, on its track', () => {
    const seen = viewsOf([dependencyUpdate], at).template(view);
    expect([...seen.approved]).toEqual([['live/other/proxy', 'ver_p2']]);
    const other = { ...view, template: { ...template, id: 'tpl_2' } };
    expect(viewsOf([dependencyUpdate], at).template(other).approved.size).toBe(0);
  });
});
