import type { SignatureVerdict } from '../signatures/index.ts';

/**
 * found ─▶ verified ─▶ ingested            (then a version exists)
 *   │  ▲       │
 *   ▼  │       ▼
 * awaiting_signature ─▶ rejected            (both asked again for 24 h; a later signature verifies)
 *
 * A digest seen in a module's repository, before (and after) it is a version.
 */
export const candidateStates = [
  'found',
  'awaiting_signature',
  'rejected',
  'verified',
  'ingested',
] as const;

export type CandidateState = (typeof candidateStates)[number];

export interface Candidate {
  account: string;
  module: string;
  /** Same id as the version it becomes. */
  id: string;
  digest: string;
  /** Tags that name the digest, first seen first. */
  tags: string[];
  version_string: string;
  state: CandidateState;
  /** Why it is rejected or waits: a code of error-codes.ts and a sentence. */
  code: string | null;
  message: string | null;
  signatures: SignatureVerdict[];
  /** S3 key of the signatures that satisfied the policy; null before. */
  evidence_key: string | null;
  /** The policy and the trust root that it was judged by last; null before. */
  policy_version: string | null;
  trust_root_version: string | null;
  /** When verify is asked again; null when it is not. */
  next_verify_at: string | null;
  attempts: number;
  /** Counts the changes of the row: who changes it says which one was read. */
  revision: number;
  found_at: string;
  updated_at: string;
}
