import { describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  candidateLife,
  type OccurrenceKind,
  type Situation,
  situationOf,
  situations,
  transition,
} from '../../../shared/domain/candidates/index.ts';
import {
  afterwards,
  candidates,
  digest,
  foundAt,
  hoursAfter,
  never,
  now,
  occurrences,
  secondsAfter,
  verificationOf,
} from './factory.ts';

const kinds = Object.keys(occurrences) as OccurrenceKind[];

/** Where a candidate is after an occurrence; what is not listed changes nothing. */
const open = {
  tag_left: 'untagged',
  signatures_accepted: 'verified',
  signatures_missing: 'awaiting_signature',
  signatures_refused: 'rejected',
} as const;
const expected: Record<Situation, Partial<Record<OccurrenceKind, Situation>>> = {
  unknown: { tag_seen: 'found' },
  found: { ...open, tag_seen: 'found', claimed: 'found', postponed: 'found' },
  awaiting_signature: {
    ...open,
    tag_seen: 'awaiting_signature',
    claimed: 'awaiting_signature',
    postponed: 'awaiting_signature',
  },
  rejected: { ...open, tag_seen: 'rejected', claimed: 'rejected', postponed: 'rejected' },
  untagged: { tag_seen: 'found' },
  verified: {
    ...open,
    tag_seen: 'verified',
    claimed: 'verified',
    postponed: 'verified',
    policy_changed: 'found',
    ingest_refused: 'rejected',
    ingested: 'ingested',
  },
  ingested: { version_tagged: 'ingested' },
};

const cells = situations.flatMap((from) =>
  kinds.map((kind) => ({ from, kind, to: expected[from][kind] ?? null })),
);

describe('the life of a candidate', () => {
  test('has one candidate of the tests for each situation', () => {
    for (const situation of situations) expect(situationOf(candidates[situation])).toBe(situation);
    expect(situationOf({ ...candidates.ingested, tags: [] })).toBe('ingested');
  });

  test.each(cells.filter(({ to }) => to !== null))(
    'leads from $from by $kind to $to',
    ({ from, kind, to }) => {
      const follows = transition(candidates[from], occurrences[kind], now);
      const after = afterwards(candidates[from], follows);

      expect(situationOf(after)).toBe(to);
      expect(candidateLife[from][kind]?.to).toContain(
        from === to && !declares(from, kind) ? 'same' : to,
      );
    },
  );

  test.each(cells.filter(({ to }) => to === null))(
    'ignores $kind where a candidate is $from',
    ({ from, kind }) => {
      expect(transition(candidates[from], occurrences[kind], now)).toBeNull();
      expect(candidateLife[from][kind]).toBeNull();
    },
  );
});

/** Whether the table names a situation itself, and not only `same`. */
function declares(situation: Situation, kind: OccurrenceKind): boolean {
  return candidateLife[situation][kind]?.to.includes(situation) ?? false;
}

test('a digest without a row has no tag and no signature', () => {
  expect(candidates.unknown).toMatchObject({ tags: [], signatures: [], revision: 0 });
});

test('a claim moves the next verification, and nothing else', () => {
  const follows = transition(candidates.found, occurrences.claimed, now);
  expect(follows).toEqual({ set: { next_verify_at: never }, events: [], next: null });
});

describe('a tag', () => {
  test('makes a digest a candidate that is announced and verified', () => {
    const follows = transition(candidates.unknown, occurrences.tag_seen, now);
    expect(follows).toEqual({
      set: {
        tags: ['v1.0.1'],
        version_string: '1.0.1',
        state: 'found',
        code: null,
        message: null,
        attempts: 0,
        next_verify_at: secondsAfter(now, limits.verifyRetryMinSeconds),
        found_at: now.toISOString(),
        updated_at: now.toISOString(),
      },
      events: [['found', { tag: 'v1.0.1' }]],
      next: 'verify',
    });
  });

  test('that comes back starts the 24 hours again, and nothing is announced', () => {
    const follows = transition(candidates.untagged, occurrences.tag_seen, now);
    expect(follows).toMatchObject({
      set: { tags: ['v1.0.1'], found_at: now.toISOString(), attempts: 0 },
      events: [],
      next: 'verify',
    });
  });

  test.each(['found', 'awaiting_signature', 'rejected', 'verified'] as const)(
    'is added to a candidate that is %s',
    (situation) => {
      const follows = transition(candidates[situation], occurrences.tag_seen, now);
      expect(follows?.set).toEqual({
        tags: ['v1.0.0', 'v1.0.1'],
        version_string: '1.0.0',
        updated_at: now.toISOString(),
      });

      expect(follows?.next).toBe(situation === 'found' ? 'verify' : null);
    },
  );

  test('that is known has only what nobody verified yet verified', () => {
    const seen = { kind: 'tag_seen', tag: 'v1.0.0' } as const;
    expect(transition(candidates.found, seen, now)).toEqual({
      set: null,
      events: [],
      next: 'verify',
    });

    expect(transition(candidates.rejected, seen, now)).toBeNull();
  });

  test('is not added beyond the limit', () => {
    const tags = Array.from({ length: limits.tagsPerDigestMax }, (_, i) => `v1.0.${i + 10}`);
    expect(transition({ ...candidates.rejected, tags }, occurrences.tag_seen, now)).toBeNull();
    expect(
      transition({ ...candidates.ingested, tags }, occurrences.version_tagged, now),
    ).toBeNull();
  });

  test('names a version that only a commit named so far', () => {
    const commit = {
      ...candidates.ingested,
      tags: ['0'.repeat(40)],
      version_string: '0.0.0+git.0',
    };

    const tagged = { ...occurrences.version_tagged, version_string: '1.0.1' };
    expect(transition(commit, tagged, now)?.set).toEqual({
      tags: [...commit.tags, 'v1.0.1'],
      version_string: '1.0.1',
      updated_at: now.toISOString(),
    });
  });

  test('that leaves a candidate leaves it to the tags that still name it', () => {
    const candidate = { ...candidates.verified, tags: ['v1.0.0', 'v1.0.1'] };
    expect(transition(candidate, occurrences.tag_left, now)).toEqual({
      set: { tags: ['v1.0.1'], version_string: '1.0.1', updated_at: now.toISOString() },
      events: [],
      next: null,
    });
  });

  test.each([
    [null, 'tag_deleted', 'v1.0.0, is gone from the registry'],
    ['sha256:b', 'tag_moved', 'v1.0.0, names sha256:b now'],
  ])('that was the last one rejects its candidate: it names %s now', (names, code, sentence) => {
    const follows = transition(candidates.verified, { ...occurrences.tag_left, names }, now);
    const message = `expected a tag that names ${digest}; its last one, ${sentence}`;

    expect(follows).toEqual({
      set: {
        tags: [],
        state: 'rejected',
        code,
        message,
        next_verify_at: null,
        updated_at: now.toISOString(),
      },
      events: [['rejected', { code, message }]],
      next: null,
    });
  });

  test('that left before leaves nothing again', () => {
    const left = { ...occurrences.tag_left, tag: 'v9.0.0' };
    expect(transition(candidates.found, left, now)).toBeNull();
  });
});

describe('signatures that satisfy the policy', () => {
  test('end the waiting of a candidate that was postponed', () => {
    const postponed = { ...candidates.found, attempts: 2 };
    const follows = transition(postponed, occurrences.signatures_accepted, now);
    expect(follows?.set).toMatchObject({ attempts: 0 });
  });

  test.each([
    ['found', 0, 1],
    ['awaiting_signature', 0, 1],
    ['rejected', 3, 1],
    ['verified', 2, 0],
  ] as const)('verify a candidate that is %s', (situation, attempts, announced) => {
    const follows = transition(candidates[situation], occurrences.signatures_accepted, now);
    expect(follows?.set).toEqual({
      state: 'verified',
      code: null,
      message: null,
      signatures: occurrences.signatures_accepted.verification.verdict.signatures,
      policy_version: 'policy 2',
      trust_root_version: 'root 2',
      stored_signatures_key: 'accounts/acme/stored-signatures/sha256/1.json',
      attempts,
      next_verify_at: secondsAfter(now, limits.verifyRetryMaxSeconds),
      updated_at: now.toISOString(),
    });

    expect(follows?.events).toHaveLength(announced);
    expect(follows?.next).toBe('ingest');
  });
});

describe('a candidate without a signature', () => {
  test('waits longer each time, and says so once', () => {
    const first = transition(candidates.found, occurrences.signatures_missing, now);
    expect(first?.set).toMatchObject({
      state: 'awaiting_signature',
      code: 'awaiting_signature',
      message: 'because of unsigned',
      attempts: 1,
      next_verify_at: secondsAfter(now, 30),
    });

    expect(first?.events).toEqual([
      ['awaiting_signature', { code: 'awaiting_signature', message: 'because of unsigned' }],
    ]);

    const second = transition(
      afterwards(candidates.found, first),
      occurrences.signatures_missing,
      now,
    );

    expect(second?.set).toMatchObject({ attempts: 2, next_verify_at: secondsAfter(now, 60) });
    expect(second?.events).toEqual([]);
  });

  test('is permanently rejected after 24 hours', () => {
    const late = hoursAfter(foundAt, 24);
    const follows = transition(candidates.awaiting_signature, occurrences.signatures_missing, late);

    expect(follows?.set).toMatchObject({
      state: 'rejected',
      code: 'unsigned',
      next_verify_at: null,
    });

    expect(follows?.events).toEqual([
      ['rejected', { code: 'unsigned', message: 'because of unsigned' }],
    ]);
  });

  test('says again that it waits after a registry failed in between', () => {
    const failed = afterwards(
      candidates.awaiting_signature,
      transition(candidates.awaiting_signature, occurrences.postponed, now),
    );
    const follows = transition(failed, occurrences.signatures_missing, now);

    expect(follows?.events).toHaveLength(1);
  });
});

describe('signatures that do not satisfy the policy', () => {
  test('reject a candidate, which is verified again', () => {
    const follows = transition(candidates.found, occurrences.signatures_refused, now);
    expect(follows?.set).toMatchObject({
      state: 'rejected',
      code: 'identity_mismatch',
      attempts: 1,
      next_verify_at: secondsAfter(now, 30),
      policy_version: 'policy 2',
    });

    expect(follows?.events).toHaveLength(1);
  });

  test('are announced again only for another reason', () => {
    const again = {
      kind: 'signatures_refused',
      verification: verificationOf('key_mismatch'),
    } as const;
    expect(transition(candidates.rejected, again, now)?.events).toEqual([]);
    expect(
      transition(candidates.rejected, occurrences.signatures_refused, now)?.events,
    ).toHaveLength(1);

    // The code stays where a new policy has a verified candidate verified again.
    const verifiedAgain = { ...candidates.found, code: 'key_mismatch' };
    expect(transition(verifiedAgain, again, now)?.events).toHaveLength(1);
  });

  test('permanently reject a candidate after 24 hours', () => {
    const late = hoursAfter(foundAt, 25);
    const follows = transition(candidates.found, occurrences.signatures_refused, late);
    expect(follows?.set).toMatchObject({ state: 'rejected', next_verify_at: null });
  });
});

describe('a failure that says nothing about the artifact', () => {
  test.each([
    [0, 240],
    [30, 240],
    [1000, 1000],
  ])('postpones: the registry asked for %i seconds, it waits %i', (wait_seconds, seconds) => {
    const follows = transition(
      candidates.rejected,
      { ...occurrences.postponed, wait_seconds },
      now,
    );
    expect(follows).toEqual({
      set: {
        code: 'registry_timeout',
        message: 'the registry did not respond in time',
        attempts: 4,
        next_verify_at: secondsAfter(now, seconds),
        updated_at: now.toISOString(),
      },
      events: [],
      next: null,
    });
  });

  test('postpones however old the candidate is', () => {
    const follows = transition(candidates.found, occurrences.postponed, hoursAfter(foundAt, 1000));
    expect(follows?.set?.next_verify_at).not.toBeNull();
  });
});
