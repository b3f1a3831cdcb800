import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Candidate,
  candidateLife,
  type Occurrence,
  situationOf,
  transition,
} from '../../../shared/domain/candidates/index.ts';
import { afterwards, candidates, foundAt, never, secondsAfter, verificationOf } from './factory.ts';

const tag = fc.constantFrom('v1.0.0', 'v1.0.1', '2.0.0', 'a'.repeat(40));
const occurrence: fc.Arbitrary<Occurrence> = fc.oneof(
  fc.record({ kind: fc.constant('tag_seen' as const), tag }),
  fc.record({
    kind: fc.constant('tag_left' as const),
    tag,
    names: fc.option(fc.constant('sha256:b')),
    build: fc.option(fc.constantFrom(candidates.found.digest, 'sha256:c')),
  }),
  fc.record({
    kind: fc.constant('version_tagged' as const),
    tag,
    version_string: fc.constantFrom('1.0.0', '2.0.0'),
  }),
  fc.constant({ kind: 'claimed' as const, until: never }),
  fc.constant({
    kind: 'signatures_accepted' as const,
    verification: verificationOf('verified'),
    stored_signatures_key: 'key',
  }),
  fc.constantFrom('unsigned' as const, 'attestation_only' as const).map((code) => ({
    kind: 'signatures_missing' as const,
    verification: verificationOf(code),
  })),
  fc.constantFrom('key_mismatch' as const, 'identity_mismatch' as const).map((code) => ({
    kind: 'signatures_refused' as const,
    verification: verificationOf(code),
  })),
  fc.record({
    kind: fc.constant('postponed' as const),
    code: fc.constantFrom('registry_timeout', 'unavailable'),
    message: fc.constant('away'),
    wait_seconds: fc.nat(7200),
  }),
  fc.constant({ kind: 'policy_changed' as const }),
  fc.record({
    kind: fc.constant('ingest_refused' as const),
    code: fc.constantFrom('tar_invalid', 'registry_not_found'),
    message: fc.constant('refused'),
    final: fc.boolean(),
  }),
  fc.constant({ kind: 'ingested' as const }),
);

interface Step {
  occurrence: Occurrence;
  now: Date;
  was: Candidate;
  follows: ReturnType<typeof transition>;
  is: Candidate;
}

/**
 * The lives of a digest: what happened in any order, each up to eight hours after the one before.
 */
const life = fc
  .array(fc.tuple(occurrence, fc.nat(8 * 3600)), { minLength: 1, maxLength: 40 })
  .map((happened) => {
    const steps: Step[] = [];
    let is = candidates.unknown;
    let now = foundAt;

    for (const [what, wait] of happened) {
      const was = is;
      now = new Date(Date.parse(secondsAfter(now, wait)));

      const follows = transition(was, what, now);
      is = afterwards(was, follows);
      steps.push({ occurrence: what, now, was, follows, is });
    }

    return steps;
  });

function holds(check: (step: Step) => void): void {
  fc.assert(
    fc.property(life, (steps) => {
      for (const step of steps) check(step);
    }),
    { numRuns: 1000 },
  );
}

describe('whatever happens to a candidate', () => {
  test('it goes only where the table says', () => {
    holds(({ was, is, follows, occurrence: { kind } }) => {
      const from = situationOf(was);
      const to = situationOf(is);
      if (follows === null) return;

      const allowed = candidateLife[from][kind]?.to ?? [];
      expect(allowed.includes(to) || (from === to && allowed.includes('same'))).toBe(true);
    });
  });

  test('an ingested one changes nothing but its tags and its name', () => {
    holds(({ was, is }) => {
      if (was.state !== 'ingested') return;
      const { tags, version_string, updated_at, revision } = is;
      expect(is).toEqual({ ...was, tags, version_string, updated_at, revision });
      expect(tags.slice(0, was.tags.length)).toEqual(was.tags);
    });
  });

  test('its identity and digest stay', () => {
    holds(({ was: { account, module, id, digest }, is }) => {
      expect(is).toMatchObject({ account, module, id, digest });
    });
  });

  test('only signatures that satisfy the policy verify it, and only a verified one is ingested', () => {
    holds(({ was, is, occurrence: { kind } }) => {
      if (is.state === 'verified' && was.state !== 'verified')
        expect(kind).toBe('signatures_accepted');
      if (is.state === 'ingested' && was.state !== 'ingested') expect(was.state).toBe('verified');
    });
  });

  test('a rejected one returns through signatures, through the wait for one, or through a tag', () => {
    holds(({ was, is, occurrence: { kind } }) => {
      if (was.state !== 'rejected' || is.state === 'rejected') return;
      const back =
        situationOf(was) === 'untagged'
          ? ['tag_seen']
          : ['signatures_accepted', 'signatures_missing'];

      expect(back).toContain(kind);
    });
  });

  test('one that no tag names is rejected and is not verified again', () => {
    holds(({ is }) => {
      if (is.tags.length > 0 || is.revision === 0) return;
      expect(is).toMatchObject({ state: 'rejected', next_verify_at: null });
      expect(['tag_deleted', 'tag_moved', 'tag_of_build']).toContain(is.code);
    });
  });

  test('it is not verified again exactly when it is ingested, untagged or permanently rejected', () => {
    fc.assert(
      fc.property(life, (steps) => {
        let settled = true;
        for (const { was, is, now, follows, occurrence: what } of steps) {
          if (follows === null || follows.set === null) continue;
          settled = isSettled(
            is,
            what,
            Date.parse(secondsAfter(now, 0)) - Date.parse(was.found_at),
            settled,
          );

          expect(is.next_verify_at === null).toBe(settled);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('it never waits for a signature longer than an hour', () => {
    holds(({ is, now, follows, occurrence: { kind } }) => {
      if (follows?.set?.next_verify_at == null || kind === 'claimed' || kind === 'postponed')
        return;
      const wait = Date.parse(is.next_verify_at ?? '') - now.getTime();
      expect(wait).toBeGreaterThanOrEqual(30_000);
      expect(wait).toBeLessThanOrEqual(3600_000);
    });
  });

  test('each state that it reaches is announced, except the return to found', () => {
    holds(({ was, is, follows }) => {
      if (was.state === is.state || follows === null || is.state === 'ingested') return;
      const names = follows.events.map(([name]) => name);
      expect(names).toEqual(is.state === 'found' ? [] : [is.state]);
    });
  });
});

/** The rule in words: a model of when nobody verifies a candidate again. */
function isSettled(is: Candidate, what: Occurrence, ageMs: number, before: boolean): boolean {
  switch (what.kind) {
    case 'tag_seen':
      return is.state === 'found' ? false : before;
    case 'tag_left':
      return is.tags.length === 0 || before;
    case 'version_tagged':
    case 'ingested':
      return true;
    case 'signatures_missing':
    case 'signatures_refused':
      return ageMs >= 24 * 3600_000;
    case 'ingest_refused':
      return what.final || ageMs >= 24 * 3600_000;
    case 'claimed':
    case 'signatures_accepted':
    case 'postponed':
    case 'policy_changed':
      return false;
  }
}
