import {
  type Candidate,
  type Occurrence,
  type OccurrenceKind,
  type Situation,
  type Transition,
  unknownCandidate,
} from '../../../shared/domain/candidates/index.ts';
import type { SignatureVerdict, Verification } from '../../../shared/domain/signatures/index.ts';

export const digest = `sha256:${'a'.repeat(64)}`;
export const foundAt = new Date('2026-01-01T00:00:00.000Z');
/** An hour after the candidate was found. */
export const now = new Date('2026-01-01T01:00:00.000Z');
export const never = '9999-12-31T00:00:00.000Z';

export const hoursAfter = (time: Date, hours: number) =>
  new Date(time.getTime() + hours * 3600_000);
export const secondsAfter = (time: Date, seconds: number) =>
  new Date(time.getTime() + seconds * 1000).toISOString();

const unknown = unknownCandidate({
  account: 'acme',
  module: 'redis',
  id: 'ver_0123456789abcdef01234567',
  digest,
});
const found: Candidate = {
  ...unknown,
  revision: 1,
  tags: ['v1.0.0'],
  version_string: '1.0.0',
  next_verify_at: secondsAfter(foundAt, 30),
  found_at: foundAt.toISOString(),
  updated_at: foundAt.toISOString(),
};

/** A candidate in each situation. */
export const candidates: Readonly<Record<Situation, Candidate>> = {
  unknown,
  found,
  awaiting_signature: {
    ...found,
    state: 'awaiting_signature',
    code: 'awaiting_signature',
    message: 'expected a signature, found none',
    attempts: 3,
  },
  rejected: {
    ...found,
    state: 'rejected',
    code: 'key_mismatch',
    message: 'signed by another key',
    attempts: 3,
  },
  untagged: {
    ...found,
    state: 'rejected',
    tags: [],
    code: 'tag_deleted',
    message: 'its last tag is gone',
    next_verify_at: null,
  },
  verified: {
    ...found,
    state: 'verified',
    stored_signatures_key: 'accounts/acme/stored-signatures/sha256/0.json',
    policy_version: 'policy',
    trust_root_version: 'root',
    attempts: 2,
  },
  ingested: { ...found, state: 'ingested', next_verify_at: null },
};

const signature: SignatureVerdict = {
  format: 'bundle',
  source: 'referrers',
  claimed_digest: digest,
  identity: null,
  issuer: null,
  key_id: 'key',
  verified: true,
  code: 'verified',
  message: 'signed by key',
};

export function verificationOf(
  code: Verification['verdict']['code'],
  message = `because of ${code}`,
): Verification {
  const verified = code === 'verified';
  return {
    verdict: { verified, digest, code, message, signatures: [{ ...signature, verified, code }] },
    policy_version: 'policy 2',
    trust_root_version: 'root 2',
  };
}

/** An occurrence of each kind. */
export const occurrences: Readonly<{ [Kind in OccurrenceKind]: Occurrence<Kind> }> = {
  tag_seen: { kind: 'tag_seen', tag: 'v1.0.1' },
  tag_left: { kind: 'tag_left', tag: 'v1.0.0', names: null, build: null },
  version_tagged: { kind: 'version_tagged', tag: 'v1.0.1', version_string: '1.0.0' },
  claimed: { kind: 'claimed', until: never },
  signatures_accepted: {
    kind: 'signatures_accepted',
    verification: verificationOf('verified'),
    stored_signatures_key: 'accounts/acme/stored-signatures/sha256/1.json',
  },
  signatures_missing: { kind: 'signatures_missing', verification: verificationOf('unsigned') },
  signatures_refused: {
    kind: 'signatures_refused',
    verification: verificationOf('identity_mismatch'),
  },
  postponed: {
    kind: 'postponed',
    code: 'registry_timeout',
    message: 'the registry did not respond in time',
    wait_seconds: 0,
  },
  policy_changed: { kind: 'policy_changed' },
  ingest_refused: {
    kind: 'ingest_refused',
    code: 'tar_invalid',
    message: 'the layer is no tar',
    final: true,
  },
  ingested: { kind: 'ingested' },
};

/** A candidate after a transition, as its row holds it then. */
export function afterwards(candidate: Candidate, follows: Transition | null): Candidate {
  if (follows === null || follows.set === null) return candidate;
  return { ...candidate, ...follows.set, revision: candidate.revision + 1 };
}
