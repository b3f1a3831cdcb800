import { QueryCommand } from '@aws-sdk/lib-dynamodb';

import { beforeAll, describe, expect, it, vi } from 'vitest';

import { createTable } from '../../../scripts/table.ts';
import type { Services } from '../../../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../../../shared/actions/context/index.ts';
import { schedulePolls } from '../../../shared/actions/poll/index.ts';
import { mapConcurrently } from '../../../shared/base/concurrency.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  claimRepository,
  createRepository,
  dueRepositories,
  modulesIn,
} from '../../../shared/store/poll/index.ts';
import { dueShards, transact } from '../../../shared/store/table/index.ts';
import { alone } from '../../support/flow.ts';

const total = 10_000;
const due = '2026-03-01T12:00:00.000Z';
const now = '2026-03-01T12:00:01.000Z';
const never = '2999-01-01T00:00:00.000Z';
/** A table of its own: the stack's schedule must not hand these out. */
const table = `due-work-${process.pid}`;
let services: Services;
const sent: string[] = [];
const queried: { partition: string; count: number }[] = [];

const repositoryOf = (index: number) => ({
  account: 'acme',
  module: `m${index}`,
  repository: `registry.test/acme/m${index}`,
  tags_hash: null,
  next_poll_at: due,
  polled_at: null,
  succeeded_at: null,
  failures: 0,
  code: null,
  message: null,
  ignored_tags: [],
  recheck_at: due,
});

beforeAll(async () => {
  const parked = await alone(servicesFromEnvironment());
  await parked.aws.dynamodb.send(createTable(table));

  const client = new Proxy(parked.db.client, {
    get: (target, name) =>
      name === 'send'
        ? async (command: object) => {
            sent.push(command.constructor.name);
            if (!(command instanceof QueryCommand)) {
              return Reflect.apply(target.send, target, [command]);
            }

            const page = await target.send(command);
            const { ':pk': partition } = command.input.ExpressionAttributeValues ?? {};

            queried.push({ partition: String(partition), count: page.Count ?? 0 });
            return page;
          }
        : Reflect.get(target, name, target),
  });

  services = { ...parked, db: { client, table } };
  const batches = Array.from({ length: total / 100 }, (_, batch) => batch * 100);

  await mapConcurrently(batches, 8, async (start) => {
    const rows = Array.from({ length: 100 }, (_, index) =>
      createRepository(repositoryOf(start + index)),
    );
    await transact(services.db, rows);
  });
});

describe('ten thousand repositories', () => {
  it('are read by queries of evenly filled partitions, a few requests in all', async () => {
    sent.length = 0;
    queried.length = 0;

    const rows = await dueRepositories(services.db, now, 2 * total);
    expect(new Set(rows.map(({ module }) => module)).size).toBe(total);

    const shards = new Map<string, number>();
    for (const { partition, count } of queried)
      shards.set(partition, (shards.get(partition) ?? 0) + count);
    expect(shards.size).toBe(dueShards);
    for (const count of shards.values())
      expect(Math.abs(count - total / dueShards)).toBeLessThan(total / dueShards / 4);
    expect(new Set(sent)).toEqual(new Set(['QueryCommand']));
    expect(sent.length).toBeLessThanOrEqual(8 * dueShards);
  });

  it('are each claimed by one of two schedulers', async () => {
    const rows = (await dueRepositories(services.db, now, total)).slice(0, 500);
    let claims = 0;

    await mapConcurrently([...rows, ...rows], 16, async (row) => {
      if (await claimRepository(services.db, row, never)) claims += 1;
    });
    expect(claims).toBe(rows.length);
    expect(await dueRepositories(services.db, now, 2 * total)).toHaveLength(total - rows.length);
  });

  it('are handed out as far as a run has time, the rest by the next', async () => {
    // A clock on which each batch of claims takes long: a run has time for a few dozen.
    let clockMs = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      clockMs += limits.scheduleWorkMs / 32;
      return clockMs;
    });

    const at = { ...services, now: () => new Date(now) };
    const { polls } = await schedulePolls(at).finally(() => clock.mockRestore());
    const left = await dueRepositories(services.db, now, 2 * total);

    expect(polls).toBeGreaterThan(1000);
    expect(left.length).toBeGreaterThan(0);
    expect(polls + left.length).toBe(total - 500);
  });

  it('are found by what a webhook names with one query', async () => {
    sent.length = 0;
    expect(await modulesIn(services.db, 'acme', 'registry.test/acme/m4711')).toEqual(['m4711']);
    expect(await modulesIn(services.db, 'other', 'registry.test/acme/m4711')).toEqual([]);
    expect(sent).toEqual(['QueryCommand', 'QueryCommand']);
  });
});
