import { describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { unknownCandidate } from '../../../shared/domain/candidates/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import {
  decideLook,
  type Tag,
  type TagLook,
  type TagRows,
} from '../../../shared/domain/poll/index.ts';
import { candidates, digest, now } from '../candidates/factory.ts';

const other = `sha256:${'b'.repeat(64)}`;
const seen_at = '2026-01-01T01:00:00.000Z';
const look: TagLook = {
  account: 'acme',
  module: 'redis',
  tag: 'v1.0.0',
  digest,
  build: null,
  seen_at,
};
const before: Tag = {
  account: 'acme',
  module: 'redis',
  tag: 'v1.0.0',
  digest,
  checked_at: '2026-01-01T00:00:00.000Z',
  moved_to: null,
  gone_at: null,
  revision: 1,
};
const unknown = unknownCandidate({ account: 'acme', module: 'redis', id: 'ver_b', digest: other });
const nothing: TagRows = { before: null, leaving: null, named: null, version: null };
const decide = (changes: Partial<TagLook>, rows: Partial<TagRows>) =>
  decideLook({ ...look, ...changes }, { ...nothing, ...rows }, now);

describe('a check of a tag', () => {
  test('that is new stores it, and makes its digest a candidate', () => {
    const outcome = decide({ digest: other }, { named: unknown });
    expect(outcome).toMatchObject({
      was: null,
      tag: { ...before, digest: other, checked_at: seen_at, revision: 0 },
      event: null,
    });

    expect(outcome?.moves).toMatchObject([
      { candidate: unknown, follows: { next: 'verify', set: { state: 'found' } } },
    ]);
  });

  test('that a later look overtook changes nothing', () => {
    const later = { ...before, checked_at: '2026-01-01T02:00:00.000Z' };
    expect(decide({}, { before: later, named: candidates.found })).toBeNull();
    expect(decide({ digest: null }, { before: later, leaving: candidates.found })).toBeNull();
  });

  test('that stands for a build of an index ends the candidate of the build', () => {
    const outcome = decide(
      { digest: other, build: digest },
      { before, leaving: { ...candidates.awaiting_signature, tags: ['v1.0.0'] }, named: unknown },
    );
    expect(outcome).toMatchObject({ tag: { digest: other }, event: null });
    expect(outcome?.moves).toMatchObject([
      { follows: { set: { tags: [], state: 'rejected', code: 'tag_of_build' } } },
      { candidate: unknown, follows: { set: { state: 'found', tags: ['v1.0.0'] } } },
    ]);
  });

  test('that names what it named before stores the time only', () => {
    const outcome = decide({}, { before, named: candidates.rejected });
    expect(outcome).toEqual({
      was: before,
      tag: { ...before, checked_at: seen_at },
      event: null,
      moves: [],
      version: null,
    });
  });
});

describe('a tag that names another digest', () => {
  test('takes its candidate to the new digest', () => {
    const rows = { before, leaving: candidates.verified, named: unknown };
    const outcome = decide({ digest: other }, rows);

    expect(outcome).toMatchObject({ tag: { digest: other, moved_to: null }, event: null });
    expect(outcome?.moves).toMatchObject([
      {
        candidate: candidates.verified,
        follows: { set: { state: 'rejected', code: 'tag_moved' } },
      },
      { candidate: unknown, follows: { set: { state: 'found' } } },
    ]);
  });

  test('after its version was ingested changes nothing but is announced', () => {
    const rows = { before, leaving: candidates.ingested, named: unknown };
    expect(decide({ digest: other }, rows)).toEqual({
      was: before,
      tag: { ...before, checked_at: seen_at, moved_to: other },
      event: ['moved', { code: 'tag_moved', from: digest, to: other }],
      moves: [],
      version: null,
    });
  });

  test('is announced once', () => {
    const moved = { ...before, moved_to: other };
    const rows = { before: moved, leaving: candidates.ingested, named: unknown };
    expect(decide({ digest: other }, rows)?.event).toBeNull();
    expect(decide({ digest: 'sha256:c' }, rows)?.event).not.toBeNull();
  });

  test('and returns is as it was', () => {
    const moved = { ...before, moved_to: other };
    const outcome = decide({}, { before: moved, named: candidates.ingested });
    expect(outcome).toMatchObject({ tag: { digest, moved_to: null }, event: null, moves: [] });
  });
});

describe('a tag that the registry does not have', () => {
  test('is announced, and leaves its candidate', () => {
    const outcome = decide({ digest: null }, { before, leaving: candidates.found });
    expect(outcome).toMatchObject({
      tag: { ...before, checked_at: seen_at, gone_at: seen_at },
      event: ['deleted', { digest }],
    });
    expect(outcome?.moves).toMatchObject([
      { follows: { set: { tags: [], state: 'rejected', code: 'tag_deleted' } } },
    ]);
  });

  test('leaves its version as it is', () => {
    const outcome = decide({ digest: null }, { before, leaving: candidates.ingested });
    expect(outcome).toMatchObject({ event: ['deleted', { digest }], moves: [] });
  });

  test('is nothing new where it was never stored, or is known to be gone', () => {
    const gone = { ...before, gone_at: before.checked_at };
    expect(decide({ digest: null }, {})).toBeNull();
    expect(decide({ digest: null }, { before: gone, leaving: candidates.untagged })).toBeNull();
  });

  test('and returns is there again', () => {
    const gone = { ...before, gone_at: before.checked_at };
    const outcome = decide({}, { before: gone, named: candidates.untagged });

    expect(outcome).toMatchObject({ tag: { gone_at: null } });
    expect(outcome?.moves).toMatchObject([
      { follows: { set: { state: 'found' }, next: 'verify' } },
    ]);
  });
});

describe('a further tag of a version', () => {
  const row = { id: candidates.ingested.id, tags: ['v1.0.0'] } as Version;
  const version = { row, version_string: '1.0.0' };

  test('is added to the version and its candidate', () => {
    const outcome = decide({ tag: 'v2.0.0' }, { named: candidates.ingested, version });
    expect(outcome?.version).toBe(version);
    expect(outcome?.moves).toMatchObject([
      { follows: { set: { tags: ['v1.0.0', 'v2.0.0'], version_string: '1.0.0' }, next: null } },
    ]);
  });

  test('is not added beyond the limit', () => {
    const tags = Array.from({ length: limits.tagsPerDigestMax }, (_, i) => `v1.0.${i + 10}`);
    const named = { ...candidates.ingested, tags };

    expect(decide({ tag: 'v2.0.0' }, { named, version })).toMatchObject({
      moves: [],
      version: null,
    });
  });
});
