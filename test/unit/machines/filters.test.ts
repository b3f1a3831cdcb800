import { describe, expect, it } from 'vitest';
import { keepBy } from '../../../shared/base/filters.ts';
import { instancesQuery } from '../../../shared/contract/machines/index.ts';
import { instanceFilters, instanceTests } from '../../../shared/domain/machines/index.ts';
import { instanceOf } from '../../support/instance.ts';

const now = new Date('2026-01-02T00:00:00.000Z');
const row = instanceOf({
  id: 'ins_1',
  name: 'web-1',
  template_id: 'tpl_1',
  track: 'live',
  clusters: ['tokyo'],
  state: 'enrolled',
  desired_modules: { redis: 'sha256:1' },
});

describe('the list of instances', () => {
  it.each([
    [{ name: 'web-*' }, true],
    [{ name: 'db-*' }, false],
    [{ template: 'tpl_1', track: 'live', cluster: 'tokyo' }, true],
    [{ template: 'tpl_2' }, false],
    [{ track: 'staging' }, false],
    [{ cluster: 'osaka' }, false],
    [{ state: 'enrolled' }, true],
    [{ health: 'unknown' }, true],
    [{ health: 'healthy' }, false],
    [{ code: 'agent_too_old' }, false],
    [{ module: 'redis' }, true],
    [{ module: 'constructor' }, false],
    [{ standing: 'drifted' }, false],
  ])('%j keeps a machine: %s', (wanted, expected) => {
    const query = instancesQuery.parse(wanted);
    expect(keepBy(instanceTests(now), query)(row)).toBe(expected);
  });

  it('keeps the machines whose last report has a code', () => {
    const report = {
      status: 'refused',
      code: 'agent_too_old',
      message: null,
      desired_state_version: 1,
      composition_digest: null,
      running_module_digests: {},
      health: 'degraded',
      agent_version: '1',
      at: row.created_at,
      healthy_since: null,
    } as const;
    const keep = keepBy(instanceTests(now), instancesQuery.parse({ code: 'agent_too_old' }));
    expect(keep({ ...row, report })).toBe(true);
  });

  it('leaves out decommissioned machines, unless they are asked for', () => {
    const gone = { ...row, state: 'decommissioned' } as const;
    const listed = (wanted: object) =>
      keepBy(instanceTests(now), instancesQuery.parse(wanted))(gone);
    expect([{}, { all: 'true' }, { state: 'decommissioned' }].map(listed)).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('has a parameter for each filter, and refuses words that no filter takes', () => {
    expect(Object.keys(instancesQuery.shape)).toEqual(
      expect.arrayContaining(Object.keys(instanceFilters)),
    );
    expect(instancesQuery.safeParse({ track: 'production' }).success).toBe(false);
  });
});
