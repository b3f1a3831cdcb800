import { describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { transition, wasDecided } from '../../../shared/domain/candidates/index.ts';
import { candidates, never, now, occurrences, secondsAfter } from './factory.ts';

describe('ingest', () => {
  test.each([
    [true, null],
    [false, secondsAfter(now, 120)],
  ])('permanently rejects content: %s', (final, next_verify_at) => {
    const follows = transition(candidates.verified, { ...occurrences.ingest_refused, final }, now);
    const reason = { code: 'tar_invalid', message: 'the layer is no tar' };

    expect(follows).toEqual({
      set: {
        state: 'rejected',
        ...reason,
        attempts: 3,
        next_verify_at,
        updated_at: now.toISOString(),
      },
      events: [['rejected', reason]],
      next: null,
    });
  });

  test('sends a candidate back to verify when the policy changed', () => {
    expect(transition(candidates.verified, occurrences.policy_changed, now)).toEqual({
      set: {
        state: 'found',
        policy_version: null,
        next_verify_at: secondsAfter(now, limits.verifyRetryMinSeconds),
        updated_at: now.toISOString(),
      },
      events: [],
      next: 'verify',
    });
  });

  test('ends the life of a candidate', () => {
    expect(transition(candidates.verified, occurrences.ingested, now)).toMatchObject({
      set: { state: 'ingested', code: null, message: null, next_verify_at: null },
      next: null,
    });
  });
});

describe('a decision', () => {
  const { found, rejected } = candidates;

  test.each([
    ['a tag was added', { ...found, tags: ['v1.0.0', 'v2.0.0'] }, false],
    ['it was claimed', { ...found, next_verify_at: never }, false],
    ['it was verified', { ...found, state: 'verified' as const }, true],
    ['it was postponed', { ...found, attempts: 1 }, true],
    ['its last tag left it', { ...found, tags: [], state: 'rejected' as const }, true],
  ])('was made by another worker where %s', (_, present, decided) => {
    expect(wasDecided(found, present)).toBe(decided);
  });

  test('was made where the last tag left a candidate that was rejected before', () => {
    expect(wasDecided(rejected, { ...rejected, tags: [] })).toBe(true);
  });
});
