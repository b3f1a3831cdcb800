import { describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { failPoll, type PollProgress, settlePoll } from '../../../shared/domain/poll/index.ts';
import { resentSeconds } from '../../../shared/domain/registries/index.ts';
import { secondsAfter } from '../candidates/factory.ts';

const listedAt = new Date('2026-01-01T00:00:00.000Z');
const now = new Date('2026-01-01T00:00:40.000Z');
const list = { tags: ['v1.0.0'], cut: null, digits: false, tags_hash: 'hash', ignored_tags: [] };
const progress: PollProgress = {
  list,
  listedAt,
  unchanged: false,
  freshLeft: 0,
  freshFound: 0,
  dueLeft: 0,
  retryAt: null,
};
const done = {
  ignored_tags: [],
  list_cut: null,
  polled_at: now.toISOString(),
  succeeded_at: now.toISOString(),
  failures: 0,
  code: null,
  message: null,
};

describe('a poll that its registry answered', () => {
  test('comes again a minute after the list was read', () => {
    expect(settlePoll(progress, now)).toEqual({
      set: {
        ...done,
        tags_hash: 'hash',
        next_poll_at: secondsAfter(listedAt, limits.pollSeconds),
        recheck_at: secondsAfter(now, limits.tagRecheckSeconds / 4),
      },
      again: false,
    });
  });

  test('leaves the time of the next recheck alone where the list is unchanged', () => {
    expect(settlePoll({ ...progress, unchanged: true }, now)).toEqual({
      set: { ...done, tags_hash: 'hash', next_poll_at: secondsAfter(listedAt, limits.pollSeconds) },
      again: false,
    });
  });

  test('rechecks sooner where known tags are left', () => {
    const { set } = settlePoll({ ...progress, dueLeft: 1 }, now);
    expect(set.recheck_at).toBe(secondsAfter(now, limits.pollSeconds));
  });

  test('rechecks when the first unreadable tag is asked for again', () => {
    const retryAt = secondsAfter(now, 120);
    expect(settlePoll({ ...progress, retryAt }, now).set.recheck_at).toBe(retryAt);
    const late = secondsAfter(now, 6 * 3600);
    const { set } = settlePoll({ ...progress, retryAt: late }, now);
    expect(set.recheck_at).toBe(secondsAfter(now, limits.tagRecheckSeconds / 4));
  });

  test('says why the list was incomplete', () => {
    const cut = { ...list, cut: 'it has over 1000 pages' };
    expect(settlePoll({ ...progress, list: cut }, now).set.list_cut).toBe(cut.cut);
  });

  test('asks for another poll where it found tags and has more', () => {
    expect(settlePoll({ ...progress, freshLeft: 10, freshFound: 500 }, now)).toEqual({
      set: { ...done, tags_hash: null, next_poll_at: secondsAfter(now, resentSeconds) },
      again: true,
    });
  });

  test('waits for the schedule where none of the listed tags exist', () => {
    expect(settlePoll({ ...progress, freshLeft: 10 }, now)).toEqual({
      set: { ...done, tags_hash: null, next_poll_at: secondsAfter(listedAt, limits.pollSeconds) },
      again: false,
    });
  });
});

describe('a poll that failed', () => {
  const row = { failures: 0 };
  const failure = {
    code: 'registry_timeout',
    message: 'the registry did not respond in time',
    waitSeconds: 0,
    random: 0,
  };

  test('is stored with its reason, and the next one reads everything', () => {
    expect(failPoll([row], failure, now)).toEqual({
      code: 'registry_timeout',
      message: 'the registry did not respond in time',
      failures: 1,
      polled_at: now.toISOString(),
      next_poll_at: secondsAfter(now, 120),
      tags_hash: null,
    });
  });

  test('lets modules of one repository wait together, as long as the one that failed most', () => {
    const rows = [0, 3, 1].map((failures) => ({ failures }));
    expect(failPoll(rows, failure, now)).toEqual(failPoll([{ failures: 3 }], failure, now));
  });

  test.each([
    [1, 0, 0, 240],
    [1, 0.5, 0, 180],
    [1, 0, 1000, 1000],
    [100, 0, 0, limits.pollFailureMaxSeconds],
    [100, 0, 10_000, limits.pollFailureMaxSeconds],
  ])(
    'after %i failures, with the random number %d and a request for %i seconds, waits %i seconds',
    (failures, random, waitSeconds, seconds) => {
      const set = failPoll([{ failures }], { ...failure, random, waitSeconds }, now);
      expect(set.next_poll_at).toBe(secondsAfter(now, seconds));
    },
  );
});
