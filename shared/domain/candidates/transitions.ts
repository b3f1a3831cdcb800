import { type Candidate, type Situation, situationOf } from './candidate.ts';
import {
  accept,
  addTag,
  awaitSignature,
  claim,
  find,
  findAgain,
  finish,
  type Move,
  type Occurrence,
  type OccurrenceKind,
  postpone,
  rejectContent,
  rejectSignatures,
  removeTag,
  type Transition,
  tagVersion,
  verifyAgain,
} from './moves.ts';

/**
 * The life of a candidate: the consequences of each occurrence in each situation. Null means none,
 * because the occurrence is about an earlier situation of the candidate.
 * docs/reference/verify/verification.md draws this table.
 */
export const candidateLife: Readonly<
  Record<Situation, { readonly [Kind in OccurrenceKind]: Move<Kind> | null }>
> = {
  unknown: {
    tag_seen: find,
    tag_left: null,
    version_tagged: null,
    claimed: null,
    signatures_accepted: null,
    signatures_missing: null,
    signatures_refused: null,
    postponed: null,
    policy_changed: null,
    ingest_refused: null,
    ingested: null,
  },
  found: {
    tag_seen: addTag,
    tag_left: removeTag,
    version_tagged: null,
    claimed: claim,
    signatures_accepted: accept,
    signatures_missing: awaitSignature,
    signatures_refused: rejectSignatures,
    postponed: postpone,
    policy_changed: null,
    ingest_refused: null,
    ingested: null,
  },
  awaiting_signature: {
    tag_seen: addTag,
    tag_left: removeTag,
    version_tagged: null,
    claimed: claim,
    signatures_accepted: accept,
    signatures_missing: awaitSignature,
    signatures_refused: rejectSignatures,
    postponed: postpone,
    policy_changed: null,
    ingest_refused: null,
    ingested: null,
  },
  rejected: {
    tag_seen: addTag,
    tag_left: removeTag,
    version_tagged: null,
    claimed: claim,
    signatures_accepted: accept,
    signatures_missing: awaitSignature,
    signatures_refused: rejectSignatures,
    postponed: postpone,
    policy_changed: null,
    ingest_refused: null,
    ingested: null,
  },
  // Only a tag brings it back, because a candidate without a tag cannot become a version.
  untagged: {
    tag_seen: findAgain,
    tag_left: null,
    version_tagged: null,
    claimed: null,
    signatures_accepted: null,
    signatures_missing: null,
    signatures_refused: null,
    postponed: null,
    policy_changed: null,
    ingest_refused: null,
    ingested: null,
  },
  verified: {
    tag_seen: addTag,
    tag_left: removeTag,
    version_tagged: null,
    claimed: claim,
    signatures_accepted: accept,
    signatures_missing: awaitSignature,
    signatures_refused: rejectSignatures,
    postponed: postpone,
    policy_changed: verifyAgain,
    ingest_refused: rejectContent,
    ingested: finish,
  },
  // The content of a version never changes. Tags only name it.
  ingested: {
    tag_seen: null,
    tag_left: null,
    version_tagged: tagVersion,
    claimed: null,
    signatures_accepted: null,
    signatures_missing: null,
    signatures_refused: null,
    postponed: null,
    policy_changed: null,
    ingest_refused: null,
    ingested: null,
  },
};

/**
 * Returns the consequences of an occurrence for a candidate; null if there are none. The function
 * is pure: the caller writes `set` and events.
 */
export function transition<Kind extends OccurrenceKind>(
  candidate: Candidate,
  occurrence: Occurrence<Kind>,
  now: Date,
): Transition | null {
  const row: { [K in Kind]: Move<K> | null } = candidateLife[situationOf(candidate)];
  return row[occurrence.kind]?.make(candidate, occurrence, now) ?? null;
}
