import { describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  endsWithList,
  freshTags,
  hasDigits,
  type Repository,
  readTagList,
  type Tag,
  tagRechecksMax,
  withDigits,
} from '../../../shared/domain/poll/index.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const listOf = (...tags: string[]) => readTagList({ tags, cut: null });
const tagOf = (tag: string, gone_at: string | null = null) => ({ tag, gone_at }) as Tag;

describe('a list of tags', () => {
  test('has the same hash in any order', () => {
    expect(listOf('v1.0.0', 'v2.0.0').tags_hash).toBe(listOf('v2.0.0', 'v1.0.0').tags_hash);
    expect(listOf('v1.0.0').tags_hash).not.toBe(listOf('v1.0.0', 'v2.0.0').tags_hash);
  });

  test('shows the tags that are ignored, up to the limit', () => {
    expect(listOf('latest', 'v1.0.0', `sha256-${'0'.repeat(64)}`).ignored_tags).toEqual(['latest']);
    const many = Array.from({ length: 1000 }, (_, i) => `build-${i}`);
    expect(listOf(...many).ignored_tags).toHaveLength(limits.ignoredTagsShown);
  });

  test('ends a poll when it is unchanged and no known tag is due', () => {
    const list = listOf('v1.0.0');
    const row = { tags_hash: list.tags_hash, recheck_at: '2026-01-01T01:00:00.000Z' } as Repository;

    expect(endsWithList(row, list, '2026-01-01T00:00:00.000Z')).toBe(true);
    expect(endsWithList(row, list, '2026-01-01T01:00:00.000Z')).toBe(false);
    expect(endsWithList(row, listOf('v2.0.0'), '2026-01-01T00:00:00.000Z')).toBe(false);
  });
});

describe('fresh tags', () => {
  test('are semver tags, then commits, each once', () => {
    const list = listOf(commit, 'latest', 'v1.0.0', '2.0.0', 'v1.0.0');
    expect(freshTags(list, [])).toEqual(['v1.0.0', '2.0.0', commit]);
  });

  test('have those of digits alone only where the registration takes them as commits', () => {
    const list = listOf('1234567', 'latest', commit, 'v1.0.0');
    expect([hasDigits(list), hasDigits(listOf(commit, 'v1.0.0'))]).toEqual([true, false]);
    expect(freshTags(list, [])).toEqual(['v1.0.0', commit]);
    expect(list.ignored_tags).toEqual(['1234567', 'latest']);

    const taken = withDigits(list);
    expect(freshTags(taken, [])).toEqual(['v1.0.0', commit, '1234567']);
    expect(taken.ignored_tags).toEqual(['latest']);
    expect(taken.tags_hash).toBe(list.tags_hash);
  });

  test('of builds come last, and again when the tag of their version is new', () => {
    const list = listOf('v1.0.0-amd64', 'v1.0.0', commit);
    expect(freshTags(list, [])).toEqual(['v1.0.0', commit, 'v1.0.0-amd64']);

    const known = [tagOf('v1.0.0-amd64'), tagOf(commit)];
    expect(freshTags(list, known)).toEqual(['v1.0.0', 'v1.0.0-amd64']);
    expect(freshTags(list, [...known, tagOf('v1.0.0')])).toEqual([]);
    expect(freshTags(list, known, new Set(['v1.0.0']))).toEqual([]);
  });

  test('are not known, or were gone', () => {
    const known = [tagOf('v1.0.0'), tagOf('v2.0.0', '2026-01-01T00:00:00.000Z')];
    expect(freshTags(listOf('v1.0.0', 'v2.0.0', 'v3.0.0'), known)).toEqual(['v2.0.0', 'v3.0.0']);
  });
});

describe('known tags that one poll looks at again', () => {
  const known = (count: number) => Array.from({ length: count }, (_, i) => tagOf(`v1.0.${i}`));

  test.each([
    [0, false, limits.tagRechecksMax],
    [1200, false, 20],
    [50_000, false, 834],
    [50_000, true, limits.freshTagsMax],
  ])('of %i, asked for: %s, are at most %i', (count, recheck, most) => {
    expect(tagRechecksMax(known(count), recheck)).toBe(most);
  });
});
