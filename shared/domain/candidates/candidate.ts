import type { SignatureVerdict } from '../signatures/index.ts';

export const candidateStates = [
  'found',
  'awaiting_signature',
  'rejected',
  'verified',
  'ingested',
] as const;

export type CandidateState = (typeof candidateStates)[number];

/**
 * A digest seen in a module's repository, before (and after) it is a version. `transition` says how
 * it changes.
 */
export interface Candidate {
  account: string;
  module: string;
  /** The id of the version that it becomes. */
  id: string;
  digest: string;
  /** Tags that name the digest, in the order in which they were seen. */
  tags: string[];
  version_string: string;
  state: CandidateState;
  /** Why it is rejected or waits: a code of error-codes.ts and a sentence. */
  code: string | null;
  message: string | null;
  signatures: SignatureVerdict[];
  /** S3 key of the signatures that satisfied the policy; null before. */
  stored_signatures_key: string | null;
  /** The policy and the trust root of its last verification; null before. */
  policy_version: string | null;
  trust_root_version: string | null;
  /** When it is verified again; null if it is not. */
  next_verify_at: string | null;
  attempts: number;
  /**
   * Counts the changes of the row. A write names the count that it read. 0 means that it has no row
   * yet.
   */
  revision: number;
  found_at: string;
  updated_at: string;
}

/** The situation of a candidate: its state, or one of two situations that no state names. */
export const situations = [
  'unknown',
  'found',
  'awaiting_signature',
  'rejected',
  'untagged',
  'verified',
  'ingested',
] as const;

/** `unknown`: it has no row yet. `untagged`: it is rejected, because its last tag left it. */
export type Situation = (typeof situations)[number];

export function situationOf({ revision, state, tags }: Candidate): Situation {
  if (revision === 0) return 'unknown';
  return state !== 'ingested' && tags.length === 0 ? 'untagged' : state;
}

/** A digest before its first tag was stored. */
export function unknownCandidate(
  identity: Pick<Candidate, 'account' | 'module' | 'id' | 'digest'>,
): Candidate {
  return {
    ...identity,
    tags: [],
    version_string: '',
    state: 'found',
    code: null,
    message: null,
    signatures: [],
    stored_signatures_key: null,
    policy_version: null,
    trust_root_version: null,
    next_verify_at: null,
    attempts: 0,
    revision: 0,
    found_at: '',
    updated_at: '',
  };
}

/**
 * True if another worker decided on a candidate since it was read, so that this worker's findings
 * no longer count.
 */
export function wasDecided(read: Candidate, present: Candidate): boolean {
  return situationOf(present) !== situationOf(read) || present.attempts !== read.attempts;
}
