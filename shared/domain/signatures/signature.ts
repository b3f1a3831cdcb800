import type { ErrorCode } from '../../base/error-codes.ts';
import type { AttestationRequirement, AttestationSummary } from './attestation.ts';

/**
 * The claims of a certificate about the workflow that signed, by the names of Fulcio's extensions
 * (https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md); the number is the last of
 * 1.3.6.1.4.1.57264.1.x. GitHub, Gitea and GitLab fill those from 9 on; the older five are
 * GitHub's, and Gitea's under GitHub's names.
 */
export const claimOids = {
  github_workflow_trigger: 2,
  github_workflow_sha: 3,
  github_workflow_name: 4,
  github_workflow_repository: 5,
  github_workflow_ref: 6,
  build_signer_uri: 9,
  build_signer_digest: 10,
  runner_environment: 11,
  source_repository_uri: 12,
  source_repository_digest: 13,
  source_repository_ref: 14,
  source_repository_identifier: 15,
  source_repository_owner_uri: 16,
  source_repository_owner_identifier: 17,
  build_config_uri: 18,
  build_config_digest: 19,
  build_trigger: 20,
  run_invocation_uri: 21,
  source_repository_visibility: 22,
} as const;
export type ClaimName = keyof typeof claimOids;
export const claimNames = Object.keys(claimOids) as [ClaimName, ...ClaimName[]];
export type SignerClaims = { [name in ClaimName]?: string };

/**
 * The identity that a keyless signature must have. All regexps have RE2 meaning and are searched
 * for, as cosign does; those of claims must match what the certificate says of the workflow.
 */
export interface SignerIdentity {
  identity_regexp: string;
  issuer_regexp: string;
  claims?: SignerClaims;
}

/**
 * The policy for an artifact's signatures (product.md, section 5). Any one signature that satisfies
 * it suffices. Plain JSON: it travels in the signed desired state, so that agents verify by the
 * same values.
 */
export interface SignaturePolicy {
  identities: SignerIdentity[];
  /** Public keys, PEM (SPKI). */
  keys: string[];
  /**
   * True: a verified transparency log entry of both kinds. False: keyless needs a signed timestamp,
   * keyed neither.
   */
  require_tlog: boolean;
  /** Sigstore `trusted_root.json` as parsed JSON; null means the public-good instance. */
  trusted_root: unknown;
  /** Annotations that the signature must carry (`cosign verify -a`). */
  annotations?: Record<string, string>;
  /** Attestations that must all be there besides a signature. */
  attestations?: AttestationRequirement[];
}

/** Where signatures are found beside an artifact. */
export const signatureSources = ['referrers', 'fallback_tag', 'legacy_tag'] as const;

export type SignatureSource = (typeof signatureSources)[number];

/** The predicate type of cosign's signatures: a statement of any other type is an attestation. */
export const signPredicateType = 'https://sigstore.dev/cosign/sign/v1';

/**
 * Why a signature could not be read from a registry that works. Its verdict is this code and
 * sentence.
 */
export interface UnreadableReason {
  code: ErrorCode;
  message: string;
}

/**
 * One signature as found beside an artifact, not verified yet. It is plain JSON, so Gantry can
 * store it and give it to agents. An `unreadable` one has empty content.
 */
export type FoundSignature = { unreadable?: UnreadableReason } & (
  | {
      format: 'bundle';
      source: SignatureSource;
      /** Digest of the manifest (bundle) that held it. */
      claimed_digest: string;
      /** The Sigstore bundle (v0.1 to v0.3) as parsed JSON. */
      bundle: unknown;
    }
  | {
      format: 'legacy';
      source: SignatureSource;
      /** Digest of the simple-signing layer that held it. */
      claimed_digest: string;
      /** base64 of the simple-signing payload. */
      payload: string;
      /** The layer's annotations: signature, certificate, chain, bundle. */
      annotations: Record<string, string>;
    }
);

/** The log entries and signed times that the verdict used; none if the policy asks for none. */
export interface SignatureProof {
  /** `log_id` in hex; `logged_at` is null for Rekor v2, which records no time. */
  log_entries: { log_id: string; index: string; logged_at: string | null }[];
  /** RFC 3161, as ISO 8601. */
  timestamps: string[];
}

/** The verdict on a bundle: who signed, and whether that satisfies the policy. */
export interface BundleVerdict {
  /** Subject alternative name of the certificate, null for keys or when it could not be read. */
  identity: string | null;
  issuer: string | null;
  /** base64(sha256(SPKI)), cosign's key hint; null for certificates. */
  key_id: string | null;
  /** The claims of a verified certificate about the workflow. */
  claims?: SignerClaims;
  /** Of a verified signature: the proofs besides the signer. */
  proof?: SignatureProof;
  verified: boolean;
  /** `verified`, or why not. */
  code: ErrorCode | 'verified';
  message: string;
}

/** The verdict on one signature: a row of what `gantry module verify` prints. */
export interface SignatureVerdict extends BundleVerdict {
  format: 'bundle' | 'legacy';
  source: SignatureSource;
  /** Digest of the manifest (bundle) or layer (legacy) that held it. */
  claimed_digest: string;
  /** Of a verified attestation. It is no signature, so the code is `attestation_only` anyway. */
  attestation?: AttestationSummary;
}

/** The verdict on an artifact. */
export interface ArtifactVerdict {
  verified: boolean;
  /** Digest of the manifest or index that the signatures are for. */
  digest: string;
  /** `verified`, or the most telling reason among the signatures. */
  code: ErrorCode | 'verified';
  message: string;
  signatures: SignatureVerdict[];
}

/** A verdict with the policy and the trust root behind it. */
export interface Verification {
  /** As rows keep it: long texts are truncated. */
  verdict: ArtifactVerdict;
  policy_version: string;
  /**
   * SHA-256 of the public-good trust root; `none` where the policy needs none or has one of its
   * own.
   */
  trust_root_version: string;
}

/** True if an artifact has no signature yet. An attestation is no signature. */
export function isUnsigned({ code }: Pick<ArtifactVerdict, 'code'>): boolean {
  return code === 'unsigned' || code === 'attestation_only';
}
