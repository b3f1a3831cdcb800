import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BudgetRow,
  budgetShards,
  burstMs,
  hostBudget,
  parseHostBudgets,
  pausedAccount,
  pauseMs,
  shardBudget,
  waitMs,
} from '../../../shared/domain/registries/index.ts';

describe('the budget of a registry host', () => {
  test('is what an operator set, by host and port', () => {
    const configured = parseHostBudgets('ghcr.io=50:16, r.test:5000=200:32') ?? {};
    expect(hostBudget('ghcr.io', configured, [])).toEqual({
      requests_per_second: 50,
      concurrency: 16,
    });
    expect(hostBudget('r.test:5000', configured, [])).toEqual({
      requests_per_second: 200,
      concurrency: 32,
    });
    expect(hostBudget('r.test', configured, [])).toEqual(hostBudget('quay.io', {}, []));
  });

  test('is careful with the internet, more so with Docker Hub, and generous with registries of the operator’s own', () => {
    const rate = (host: string) =>
      hostBudget(host, {}, ['10.0.0.7', 'harbor.internal', '::1']).requests_per_second;
    expect(rate('docker.io')).toBeLessThan(rate('ghcr.io'));
    expect(rate('harbor.internal:443')).toBeGreaterThan(rate('ghcr.io'));
    expect(rate('10.0.0.7:5000')).toBe(rate('[::1]:5000'));
  });

  test.each([
    'ghcr.io',
    'ghcr.io=',
    'ghcr.io=5',
    'ghcr.io=0:1',
    'ghcr.io=1:0',
    '=1:1',
    'ghcr.io=-1:2',
    'a b=1:1',
  ])('%s is none', (text) => {
    expect(parseHostBudgets(text)).toBeNull();
  });

  test('is not larger in shards than as a whole, and every shard has room for work', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 99_999 }),
        fc.integer({ min: 1, max: 999 }),
        (rate, concurrency) => {
          const budget = { requests_per_second: rate, concurrency };
          const shard = shardBudget(budget);

          expect(shard.requests_per_second * budgetShards(budget)).toBeCloseTo(rate);
          expect(shard.concurrency).toBeGreaterThan(0);
          expect(shard.requests_per_second).toBeLessThanOrEqual(125);
        },
      ),
    );
  });
});

describe('the wait for room', () => {
  const row: BudgetRow = {
    host: 'h',
    shard: 0,
    spent_until: 0,
    paused_until: 0,
    pulls_paused_until: 0,
    leases: {},
  };

  test('is until what was asked is paid for but the burst', () => {
    const burst = burstMs({ requests_per_second: 10, concurrency: 1 }, 4);
    const ask = { nowMs: 10_000, burstMs: burst, pulls: false };
    expect(waitMs({ ...row, spent_until: 10_000 + burst + 700 }, ask)).toBe(700);
  });

  test('is until the end of a pause; one of pulls holds up nothing else', () => {
    const ask = { nowMs: 10_000, burstMs: 0, pulls: false };
    expect(waitMs({ ...row, paused_until: 90_000 }, ask)).toBe(80_000);
    expect(waitMs({ ...row, pulls_paused_until: 90_000 }, { ...ask, pulls: true })).toBe(80_000);
    expect(waitMs({ ...row, pulls_paused_until: 90_000 }, ask)).toBe(0);
  });

  test('is 0 where only others at work are in the way', () => {
    expect(waitMs(row, { nowMs: 10_000, burstMs: 0, pulls: false })).toBe(0);
  });

  test('a burst has room for one piece of work, however slow the registry’s rate is', () => {
    expect(burstMs({ requests_per_second: 1, concurrency: 1 }, 8)).toBe(8000);
  });
});

describe('a pause that a registry asks for', () => {
  test.each([
    ['own', 'acme'],
    ['platform', null],
    ['none', null],
  ] as const)('with credentials "%s" stops %s', (credentials, account) => {
    expect(pausedAccount({ account: 'acme', credentials })).toBe(account);
  });

  test('lasts until its time, for pulls until theirs', () => {
    const row = { paused_until: 1000, pulls_paused_until: 5000 };
    expect(pauseMs(row, { nowMs: 400, pulls: false })).toBe(600);
    expect(pauseMs(row, { nowMs: 400, pulls: true })).toBe(4600);
    expect(pauseMs(row, { nowMs: 1000, pulls: false })).toBe(0);
    expect(pauseMs(row, { nowMs: 9000, pulls: true })).toBe(0);
  });
});
