import type { SignatureVerdict } from './signature.ts';

/**
 * found ─▶ verified ─▶ ingested            (then a version exists)
 *   │  ▲       │
 *   ▼  │       ▼
 * awaiting_signature ─▶ rejected            (both asked again for 24 h; a later signature verifies)
 *
 * A digest seen in a module's repository, before (and after) it is a version.
 */
export const candidateStates = ['found', 'awaiting_signature', 'rejected', 'verified', 'ingested'] as const;
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

export const promotedStates = ['staging', 'blessed', 'live', 'retired'] as const;
export type PromotionTarget = (typeof promotedStates)[number];
export const promotionStates = ['built', ...promotedStates] as const;
export type PromotionState = (typeof promotionStates)[number];

/** The walkthrough's older words for two states, accepted and answered as aliases. */
export const lifecycleAliases: Record<string, PromotionState> = { draft: 'built', archived: 'retired' };

export function lifecycleState(state: PromotionState): string {
  return state === 'built' ? 'draft' : state === 'retired' ? 'archived' : state;
}

/** What one platform of a version is made of. An index has one a platform; a plain manifest has one, named `any`. */
export interface VersionBuild {
  platform: string;
  manifest_digest: string;
  /** Of a platform module: the one tar that its image's layers were flattened to. */
  layer_digest: string;
  layer_size: number;
  /** `sha256:<hex>`: fs-verity digest of the composefs image of the layer's tree. */
  composefs_digest: string;
  /** S3 key of the file index (JSON array of TreeEntry). */
  file_index_key: string;
  entries: number;
}

/** The state of polling one module's repository. */
export interface Repository {
  account: string;
  module: string;
  repository: string;
  /** SHA-256 of the tag list last read; an unchanged list costs one request a page and nothing else. */
  tags_hash: string | null;
  next_poll_at: string;
  polled_at: string | null;
  /** Failures in a row; each doubles the wait. */
  failures: number;
  code: string | null;
  message: string | null;
  ignored_tags: string[];
  /** When known tags are looked at again for moves. */
  recheck_at: string;
}

/** A tag of a module's repository and the digest it named when last looked at. */
export interface Tag {
  account: string;
  module: string;
  tag: string;
  digest: string;
  checked_at: string;
  /** Set when the tag moved away from an ingested version's digest. */
  moved_to: string | null;
  /** Since when the registry does not have it any more; null while it does. */
  gone_at: string | null;
}

/** `node`: a layer of files for machines. `platform`: an image whose code runs as a function (product.md, section 10). */
export const versionKinds = ['node', 'platform'] as const;
export type VersionKind = (typeof versionKinds)[number];

/** What the labels of a platform module's image say. */
export interface ImageLabels {
  /** `org.opencontainers.image.title`, for people. */
  title: string;
  /** `org.opencontainers.image.version` */
  version: string;
  /** `cloudsmith.module.id`: the module's name. */
  module_id: string;
}

export interface VersionApproval {
  operation_id: string;
  action: string;
  /** E-mail of the reviewer. */
  reviewer: string;
  decided_at: string;
}

/**
 * How the last re-verification of a version ended. `unconfirmed`: it does not verify, and neither trust material nor registry
 * was good enough to say so for certain; `held`: it would be quarantined, and too many were, so a person is asked first.
 */
export const reverificationOutcomes = ['verified', 'unconfirmed', 'held', 'quarantined'] as const;

export interface Reverification {
  outcome: (typeof reverificationOutcomes)[number];
  /** Why it does not verify: a code of error-codes.ts and a sentence; null where it does. */
  code: string | null;
  message: string | null;
  policy_version: string;
  trust_root_version: string;
  /** When it came to this outcome by this policy and trust root. */
  since: string;
}

export interface Version {
  account: string;
  module: string;
  id: string;
  digest: string;
  version_string: string;
  kind: VersionKind;
  /** Of a platform module; null for others. */
  labels: ImageLabels | null;
  tags: string[];
  promotion_state: PromotionState;
  /** True once it has been live: a module with one never falls back to merely blessed versions. */
  was_live: boolean;
  quarantined: boolean;
  held: boolean;
  builds: VersionBuild[];
  /** Normalised manifest (canonical JSON text is in S3 beside the layer; this is its parsed form). */
  manifest: unknown;
  /** S3 key of the evidence: signature candidates that satisfied the policy, and the manifest bytes. */
  evidence_key: string;
  signatures: SignatureVerdict[];
  /** Absent before the first. */
  reverification?: Reverification;
  /** Who approved its promotions so far; agents are told. */
  approvals: VersionApproval[];
  ingested_at: string;
  state_changed_at: string;
}

/** Where a version may go from each state (product.md, section 8). Going backwards is a rollback, not a promotion. */
const allowed: Record<PromotionState, readonly PromotionState[]> = {
  built: ['staging', 'retired'],
  staging: ['blessed', 'retired'],
  blessed: ['live', 'retired'],
  live: ['retired'],
  retired: [],
};

/** True when a promotion from one state to the other is a legal step. */
export function canPromote(from: PromotionState, to: PromotionState): boolean {
  return allowed[from].includes(to);
}

/** The states that `from` can go to, for error sentences. */
export function promotionTargets(from: PromotionState): readonly PromotionState[] {
  return allowed[from];
}
