import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { type Repository, requestedPollAt } from '../../../shared/domain/poll/index.ts';
import { noteRequestedPoll } from '../../../shared/store/poll/index.ts';
import { rememberDelivery, wasDelivered } from '../../../shared/store/registries/index.ts';
import { tableThat } from '../../support/stub-table.ts';

const now = new Date('2026-01-01T00:00:10.000Z');
const at = (ms: number) => new Date(now.getTime() + ms);
const apart = limits.pollRequestSeconds * 1000;

describe('a poll on request', () => {
  it.each([
    ['immediately, if none was requested', undefined, at(0)],
    ['immediately, if the last one began long ago', at(-apart), at(0)],
    ['a moment later, if the last one has just begun', at(-500), at(apart - 500)],
    ['a moment later, if the last one begins now', at(0), at(apart)],
    ['not at all, if one is still to begin', at(1), null],
  ])('begins %s', (_when, last, begins) => {
    expect(requestedPollAt(last?.toISOString(), now)).toEqual(begins);
  });
});

describe('the note of a poll on request', () => {
  const repository: Repository = {
    account: 'acme',
    module: 'redis',
    repository: 'r.example/redis',
    tags_hash: null,
    next_poll_at: now.toISOString(),
    polled_at: null,
    succeeded_at: null,
    failures: 0,
    code: null,
    message: null,
    ignored_tags: [],
    recheck_at: now.toISOString(),
    revision: 1,
  };

  it.each([
    ['none was', repository, 'attribute_not_exists(#requested_at)', []],
    ['the last one was', { ...repository, requested_at: '2026' }, '#requested_at = ', ['2026']],
  ])(
    'is made only where %s noted since the row was read',
    async (_what, read, condition, values) => {
      const { db, inputs } = tableThat(() => ({ Attributes: {} }));
      expect(await noteRequestedPoll(db, read, now.toISOString())).toBe(true);

      const sent = inputs[0] as Record<string, string & Record<string, unknown>>;
      expect(sent.ConditionExpression).toContain(condition);
      expect(sent.UpdateExpression).toContain('#requested_at');
      expect(Object.values(sent.ExpressionAttributeValues ?? {})).toEqual(
        expect.arrayContaining([now.toISOString(), ...values]),
      );
    },
  );
});

describe('a delivery of a webhook', () => {
  const delivery = { hook_id: 'hook_1', body_hash: 'ab' };

  it('is remembered until its time, though the table keeps the row for longer', async () => {
    const { db, inputs } = tableThat(() => ({}));
    await rememberDelivery(db, delivery, at(5000));
    const { Item } = inputs[0] as { Item: Record<string, unknown> };

    const { db: kept } = tableThat(() => ({ Item }));
    expect(await wasDelivered(kept, delivery, at(4999))).toBe(true);
    expect(await wasDelivered(kept, delivery, at(5000))).toBe(false);
  });
});
