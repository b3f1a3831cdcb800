import { describe, expect, it } from 'vitest';
import { keepReports, keepWaiting, polledModule } from '../../../shared/actions/upkeep/index.ts';
import type { Instance, InstanceReport } from '../../../shared/domain/machines/index.ts';
import { unpolledRepository } from '../../../shared/domain/poll/index.ts';
import { instanceOf } from '../../support/instance.ts';
import { storedModule, storedVersion } from '../../support/stored.ts';

const start = '2026-01-01T00:00:00.000Z';
const later = '2026-01-02T00:00:00.000Z';

async function* machines(...rows: Instance[]): AsyncGenerator<Instance> {
  yield* rows;
}

describe('of the machines of an account, the sensors keep', () => {
  const version = storedVersion('acme', 'redis', '1.0.0');
  const [build] = version.builds;
  const digest = build?.composefs_digest ?? '';

  const report: InstanceReport = {
    status: 'unchanged',
    code: null,
    message: null,
    desired_state_version: 1,
    composition_digest: null,
    running_module_digests: { redis: digest },
    health: 'healthy',
    agent_version: '1',
    at: later,
    healthy_since: { all: start, newer: {} },
  };
  const machine = (id: string, fields: Partial<Instance>) =>
    instanceOf({ id, name: id, desired_version: 1, desired_signed_at: start, ...fields });

  it('those that a sensor warns of', async () => {
    const desired_error = { code: 'version_quarantined' as const, message: 'x', since: start };
    const rows = machines(
      machine('fine', { report }),
      machine('silent', {}),
      machine('stuck', { report, desired_error }),
      machine('gone', { state: 'decommissioned', desired_error }),
    );
    const kept = await keepWaiting(rows, new Date(later));
    expect(kept.map(({ id }) => id)).toEqual(['silent', 'stuck']);
  });

  it('the reports of those that run a version in staging', async () => {
    const rows = machines(
      machine('runs', { report }),
      machine('other', { report: { ...report, running_module_digests: { redis: 'other' } } }),
      machine('new', {}),
      machine('gone', { state: 'decommissioned', report }),
    );
    expect(await keepReports(rows, [version])).toEqual([report]);
  });
});

describe('the polls of a module count', () => {
  const module = storedModule('acme', 'redis', { created_at: start, updated_at: later });
  const poll = { ...unpolledRepository(module, later), revision: 1 };

  it('from its registration', () => {
    expect(polledModule(module, { ...poll, succeeded_at: start })).toMatchObject({
      polled_since: start,
    });
    expect(polledModule(module, null)).toMatchObject({ polled_since: start });
  });

  it('from its last change if none succeeded: it may come back from the archive', () => {
    expect(polledModule(module, poll)).toMatchObject({ polled_since: later });
  });
});
