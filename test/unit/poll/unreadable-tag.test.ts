import { describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  planLooks,
  readTagList,
  refuseTag,
  type Tag,
  type UnreadableTag,
} from '../../../shared/domain/poll/index.ts';
import { secondsAfter } from '../candidates/factory.ts';

const now = new Date('2026-01-01T00:00:00.000Z');
const row = { account: 'acme', module: 'redis', repository: 'registry.test/acme/redis' };
const refusal = { code: 'registry_error', message: 'no', waitSeconds: 0, random: 0 };

const refuse = (before: UnreadableTag | null, more: Partial<typeof refusal> = {}) =>
  refuseTag(row, { tag: 'v1.0.0', before }, { ...refusal, ...more }, now);

const stored = (tag: string, more: Partial<UnreadableTag> = {}): UnreadableTag => ({
  ...refuse(null),
  tag,
  revision: 1,
  ...more,
});

// goharbor/harbor#15159, #15885, #19408, #7448: Harbor refuses a vulnerable artifact by 412.
describe('a refused tag', () => {
  test('is stored with its reason and the time of the next try', () => {
    expect(refuse(null)).toEqual({
      ...row,
      tag: 'v1.0.0',
      code: 'registry_error',
      message: 'no',
      failures: 1,
      since: now.toISOString(),
      next_look_at: secondsAfter(now, 2 * limits.pollSeconds),
    });
  });

  test('waits longer each time, up to an hour, and as long as the registry asks', () => {
    const since = '2025-12-31T00:00:00.000Z';
    const before = stored('v1.0.0', { failures: 2, since });
    expect(refuse(before)).toMatchObject({
      failures: 3,
      since,
      next_look_at: secondsAfter(now, 8 * limits.pollSeconds),
    });

    const often = stored('v1.0.0', { failures: 50 });
    expect(refuse(often).next_look_at).toBe(secondsAfter(now, limits.tagRecheckSeconds));
    expect(refuse(null, { random: 0.5 }).next_look_at).toBe(secondsAfter(now, 90));
    expect(refuse(null, { waitSeconds: 999 }).next_look_at).toBe(secondsAfter(now, 999));
  });

  test('of another repository begins again', () => {
    const elsewhere = stored('v1.0.0', { failures: 9, repository: 'registry.test/other' });
    expect(refuse(elsewhere)).toMatchObject({ failures: 1, since: now.toISOString() });
  });

  test('keeps the beginning of a long reason', () => {
    const { message } = refuse(null, { message: 'x'.repeat(10_000) });
    expect(message).toHaveLength(limits.unreadableTagTextMax);
  });
});

describe('the plan of a poll', () => {
  const at = now.toISOString();
  const later = secondsAfter(now, 60);
  const earlier = secondsAfter(now, -60);
  const known = (tag: string) => ({ tag, gone_at: null, checked_at: at }) as Tag;

  const plan = (
    tags: string[],
    knownTags: Tag[],
    unreadable: UnreadableTag[],
    { cut = null, recheck = false }: { cut?: string | null; recheck?: boolean } = {},
  ) =>
    planLooks({ list: readTagList({ tags, cut }), known: knownTags, unreadable }, row, {
      now: at,
      before: earlier,
      recheck,
    });

  test('leaves a tag that waits alone, and takes the others', () => {
    const waiting = stored('v1.0.0', { next_look_at: later });
    expect(plan(['v1.0.0', 'v1.1.0'], [], [waiting])).toEqual({
      fresh: ['v1.1.0'],
      due: [],
      retryAt: later,
      obsolete: [],
    });
  });

  test('asks for a tag whose wait is over, after those that were never read', () => {
    const ready = stored('v1.0.0', { next_look_at: at });
    expect(plan(['v1.0.0', 'v1.1.0'], [], [ready])).toMatchObject({
      fresh: ['v1.1.0', 'v1.0.0'],
      retryAt: null,
    });
  });

  test('asks for a known tag by its own wait, not by the time of its last look', () => {
    const ready = stored('v1.0.0', { next_look_at: at });
    const waiting = stored('v1.1.0', { next_look_at: later });
    const both = [known('v1.0.0'), known('v1.1.0')];
    expect(plan(['v1.0.0', 'v1.1.0'], both, [ready, waiting])).toMatchObject({
      fresh: [],
      due: ['v1.0.0'],
      retryAt: later,
    });
  });

  test('asks for all of them on request, and in another repository', () => {
    const waiting = stored('v1.0.0', { next_look_at: later });
    expect(plan(['v1.0.0'], [], [waiting], { recheck: true }).fresh).toEqual(['v1.0.0']);
    const elsewhere = { ...waiting, repository: 'registry.test/other' };
    expect(plan(['v1.0.0'], [], [elsewhere]).fresh).toEqual(['v1.0.0']);
  });

  test('forgets a tag that left the list, unless that is incomplete or it is known', () => {
    const gone = stored('v1.0.0', { next_look_at: later });
    expect(plan([], [], [gone]).obsolete).toEqual([gone]);
    expect(plan([], [], [gone], { cut: 'a page failed' }).obsolete).toEqual([]);
    expect(plan([], [known('v1.0.0')], [gone])).toMatchObject({ due: [], obsolete: [] });
  });
});
