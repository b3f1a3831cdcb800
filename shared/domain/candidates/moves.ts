import { backoff } from '../../base/backoff.ts';
import { limits } from '../../base/limits/index.ts';
import { versionStringOf } from '../modules/index.ts';
import type { Verification } from '../signatures/index.ts';
import type { Candidate, Situation } from './candidate.ts';

/** The occurrences in the life of a candidate, each with its facts. */
export interface Occurrences {
  /** Poll found that the tag names the candidate. */
  tag_seen: { tag: string };
  /**
   * `names`: the digest that the tag names now; null if the registry does not have the tag.
   * `build`: the digest of the build that it stands for, if `names` is the index of that build.
   */
  tag_left: { tag: string; names: string | null; build: string | null };
  version_tagged: { tag: string; version_string: string };
  claimed: { until: string };
  signatures_accepted: { verification: Verification; stored_signatures_key: string };
  signatures_missing: { verification: Verification };
  signatures_refused: { verification: Verification };
  /** `wait_seconds`: how long the registry asked Gantry to wait, 0 if it did not. */
  postponed: { code: string; message: string; wait_seconds: number };
  policy_changed: object;
  /** `final`: the signed bytes are the cause, so another attempt ends the same way. */
  ingest_refused: { code: string; message: string; final: boolean };
  ingested: object;
}
export type OccurrenceKind = keyof Occurrences;
export type Occurrence<Kind extends OccurrenceKind = OccurrenceKind> = {
  [K in Kind]: { kind: K } & Occurrences[K];
}[Kind];

type CandidateChange = Partial<
  Omit<Candidate, 'account' | 'module' | 'id' | 'digest' | 'revision'>
>;

/**
 * An event of a candidate: its name after `gantry.candidate.`, and its data besides module and
 * digest.
 */
export type CandidateFact =
  | readonly ['found', { tag: string }]
  | readonly ['awaiting_signature' | 'rejected', Reason]
  | readonly ['verified', object];

interface Reason {
  code: string;
  message: string;
}

/** The consequences of an occurrence. */
export interface Transition {
  /** Null: the row stays as it is. */
  set: CandidateChange | null;
  events: CandidateFact[];
  /** The stage that gets a message about the candidate. */
  next: 'verify' | 'ingest' | null;
}

/** One cell of the table: the situations that a candidate may get to, and how. */
export interface Move<Kind extends OccurrenceKind> {
  /** `same`: it may stay where it is. */
  to: readonly (Situation | 'same')[];
  /** Null if nothing follows. */
  make(candidate: Candidate, occurrence: Occurrence<Kind>, now: Date): Transition | null;
}

export const find: Move<'tag_seen'> = {
  to: ['found'],
  make: (_, { tag }, now) =>
    changeTo(asFound(tag, now), { event: ['found', { tag }], next: 'verify' }),
};

/** Its 24 hours begin again. No event is sent, because it is the same candidate. */
export const findAgain: Move<'tag_seen'> = {
  to: ['found'],
  make: (_, { tag }, now) => changeTo(asFound(tag, now), { next: 'verify' }),
};

export const addTag: Move<'tag_seen'> = {
  to: ['same'],
  make: (candidate, { tag }, now) => {
    // A message may be lost, so each look at a tag sends one for a candidate that is not verified
    // yet.
    const next = candidate.state === 'found' ? 'verify' : null;
    if (!takesTag(candidate, tag)) return next && changeTo(null, { next });

    const tags = [...candidate.tags, tag];
    const set = { tags, version_string: versionStringOf(tags), updated_at: now.toISOString() };
    return changeTo(set, { next });
  },
};

/** A candidate that its last tag left must not become a version: nothing would name it. */
export const removeTag: Move<'tag_left'> = {
  to: ['same', 'untagged'],
  make: (candidate, left, now) => {
    const { tag } = left;
    if (!candidate.tags.includes(tag)) return null;

    const tags = candidate.tags.filter((name) => name !== tag);
    const updated_at = now.toISOString();
    if (tags.length > 0)
      return changeTo({ tags, version_string: versionStringOf(tags), updated_at });

    const reason = reasonForLeaving(candidate.digest, left);
    return changeTo(
      { tags, state: 'rejected', ...reason, next_verify_at: null, updated_at },
      { event: ['rejected', reason] },
    );
  },
};

function reasonForLeaving(digest: string, { tag, names, build }: Occurrence<'tag_left'>) {
  if (build === digest) {
    const message = `expected a version, found with ${tag} a build of ${names}, which is the version`;
    return { code: 'tag_of_build', message };
  }

  const left = names === null ? 'is gone from the registry' : `names ${names} now`;
  return {
    code: names === null ? 'tag_deleted' : 'tag_moved',
    message: `expected a tag that names ${digest}; its last one, ${tag}, ${left}`,
  };
}

/** Adds another tag to a version. `version_string` is the resulting name of the version. */
export const tagVersion: Move<'version_tagged'> = {
  to: ['same'],
  make: (candidate, { tag, version_string }, now) => {
    if (!takesTag(candidate, tag)) return null;
    const tags = [...candidate.tags, tag];
    return changeTo({ tags, version_string, updated_at: now.toISOString() });
  },
};

/** If two schedulers claim a candidate, one wins. If its message is lost, the claim lapses. */
export const claim: Move<'claimed'> = {
  to: ['same'],
  make: (_, { until }) => changeTo({ next_verify_at: until }),
};

export const accept: Move<'signatures_accepted'> = {
  to: ['verified'],
  make: (candidate, { verification, stored_signatures_key }, now) => {
    // Reset the backoff only when leaving the wait for a signature: a failed ingest keeps growing
    // its own.
    const waited = candidate.state === 'found' || candidate.state === 'awaiting_signature';
    const set: CandidateChange = {
      ...verificationFields(verification),
      state: 'verified',
      code: null,
      message: null,
      stored_signatures_key,
      attempts: waited ? 0 : candidate.attempts,
      // If the message to ingest is lost, verify runs again and sends another.
      next_verify_at: after(now, limits.verifyRetryMaxSeconds),
      updated_at: now.toISOString(),
    };

    const event = candidate.state === 'verified' ? null : (['verified', {}] as const);
    return changeTo(set, { event, next: 'ingest' });
  },
};

/** Waits for a signature for 24 hours, then says why there is none. */
export const awaitSignature: Move<'signatures_missing'> = {
  to: ['awaiting_signature', 'rejected'],
  make: (candidate, { verification }, now) => {
    const { code, message } = verification.verdict;
    return nextAttemptAt(candidate, now) === null
      ? refuse(candidate, verification, { state: 'rejected', code, message }, now)
      : refuse(
          candidate,
          verification,
          { state: 'awaiting_signature', code: 'awaiting_signature', message },
          now,
        );
  },
};

/** A signature may be added or replaced, so it is verified again for 24 hours. */
export const rejectSignatures: Move<'signatures_refused'> = {
  to: ['rejected'],
  make: (candidate, { verification }, now) => {
    const { code, message } = verification.verdict;
    return refuse(candidate, verification, { state: 'rejected', code, message }, now);
  },
};

/**
 * Handles a failure that says nothing about the artifact: the candidate keeps its state, however
 * old it is.
 */
export const postpone: Move<'postponed'> = {
  to: ['same'],
  make: ({ attempts }, { code, message, wait_seconds }, now) =>
    changeTo({
      code,
      message,
      attempts: attempts + 1,
      next_verify_at: after(now, Math.max(wait_seconds, backoffSeconds(attempts))),
      updated_at: now.toISOString(),
    }),
};

/** The verdict was made by a policy that is no longer in force. */
export const verifyAgain: Move<'policy_changed'> = {
  to: ['found'],
  make: (_, __, now) =>
    changeTo(
      {
        state: 'found',
        policy_version: null,
        next_verify_at: afterLostMessage(now),
        updated_at: now.toISOString(),
      },
      { next: 'verify' },
    ),
};

export const rejectContent: Move<'ingest_refused'> = {
  to: ['rejected'],
  make: (candidate, { code, message, final }, now) =>
    changeTo(
      {
        state: 'rejected',
        code,
        message,
        attempts: candidate.attempts + 1,
        next_verify_at: final ? null : nextAttemptAt(candidate, now),
        updated_at: now.toISOString(),
      },
      { event: ['rejected', { code, message }] },
    ),
};

/** The version announces itself (`gantry.version.ingested`). */
export const finish: Move<'ingested'> = {
  to: ['ingested'],
  make: (_, __, now) =>
    changeTo({
      state: 'ingested',
      code: null,
      message: null,
      next_verify_at: null,
      updated_at: now.toISOString(),
    }),
};

function changeTo(
  set: CandidateChange | null,
  { event = null, next = null }: { event?: CandidateFact | null; next?: Transition['next'] } = {},
): Transition {
  return { set, events: event === null ? [] : [event], next };
}

function takesTag({ tags }: Candidate, tag: string): boolean {
  return !tags.includes(tag) && tags.length < limits.tagsPerDigestMax;
}

function asFound(tag: string, now: Date): CandidateChange {
  return {
    tags: [tag],
    version_string: versionStringOf([tag]),
    state: 'found',
    code: null,
    message: null,
    attempts: 0,
    next_verify_at: afterLostMessage(now),
    found_at: now.toISOString(),
    updated_at: now.toISOString(),
  };
}

/** Handles signatures that do not satisfy the policy. The same rejection is announced only once. */
function refuse(
  candidate: Candidate,
  verification: Verification,
  { state, ...reason }: Reason & { state: 'awaiting_signature' | 'rejected' },
  now: Date,
): Transition {
  const set = {
    ...verificationFields(verification),
    state,
    ...reason,
    attempts: candidate.attempts + 1,
    next_verify_at: nextAttemptAt(candidate, now),
    updated_at: now.toISOString(),
  };

  const known = candidate.state === state && candidate.code === reason.code;
  return changeTo(set, { event: known ? null : [state, reason] });
}

function verificationFields({ verdict, policy_version, trust_root_version }: Verification) {
  return { signatures: verdict.signatures, policy_version, trust_root_version };
}

/**
 * When a candidate is verified again: the wait doubles. Null once 24 hours have passed since it was
 * found.
 */
function nextAttemptAt({ attempts, found_at }: Candidate, now: Date): string | null {
  const ageSeconds = (now.getTime() - Date.parse(found_at)) / 1000;
  return ageSeconds >= limits.awaitSignatureSeconds ? null : after(now, backoffSeconds(attempts));
}

function backoffSeconds(attempt: number): number {
  const { verifyRetryMinSeconds: base, verifyRetryMaxSeconds: cap } = limits;
  return backoff({ attempt, base, cap });
}

/** The next message starts the verification. If the message is lost, the schedule starts it. */
function afterLostMessage(now: Date): string {
  return after(now, limits.verifyRetryMinSeconds);
}

function after(now: Date, seconds: number): string {
  return new Date(now.getTime() + seconds * 1000).toISOString();
}
