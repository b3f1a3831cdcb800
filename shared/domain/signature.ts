import type { ErrorCode } from '../contract/error-codes.ts';

/** Whom a keyless signature must come from. Both regexps have RE2 meaning and are searched for, as cosign does. */
export interface SignerIdentity {
  identity_regexp: string;
  issuer_regexp: string;
}

/**
 * What an artifact's signatures must satisfy (product.md, section 5). Any one signature that satisfies it suffices.
 * Plain JSON: it travels in the signed desired state, so that agents judge by the same values.
 */
export interface SignaturePolicy {
  identities: SignerIdentity[];
  /** Public keys, PEM (SPKI). */
  keys: string[];
  /** True: a verified transparency log entry of both kinds. False: keyless needs a signed timestamp, keyed neither. */
  require_tlog: boolean;
  /** Sigstore `trusted_root.json` as parsed JSON; null means the public-good instance. */
  trusted_root: unknown;
  /** Annotations that the signature must carry (`cosign verify -a`). */
  annotations?: Record<string, string>;
}

export type SignatureSource = 'referrers' | 'fallback_tag' | 'legacy_tag';

/** The predicate type of cosign's signatures: a statement of any other type is an attestation. */
export const signPredicateType = 'https://sigstore.dev/cosign/sign/v1';

/** Why a candidate could not be read, where the registry as such works: its verdict is this code and sentence. */
export interface UnreadableReason {
  code: ErrorCode;
  message: string;
}

/**
 * One signature as found beside an artifact, unjudged. Plain JSON, so it can be kept as evidence and given to agents.
 * An `unreadable` one has empty content.
 */
export type SignatureCandidate = { unreadable?: UnreadableReason } & (
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

/** The verdict on one candidate: a row of what `gantry module verify` prints. */
export interface SignatureVerdict {
  format: 'bundle' | 'legacy';
  source: SignatureSource;
  /** Subject alternative name of the certificate, null for keys or when it could not be read. */
  identity: string | null;
  issuer: string | null;
  /** base64(sha256(SPKI)), cosign's key hint; null for certificates. */
  key_id: string | null;
  verified: boolean;
  /** `verified`, or why not. */
  code: ErrorCode | 'verified';
  message: string;
}

/** The verdict on an artifact. */
export interface ArtifactVerdict {
  verified: boolean;
  /** Digest of the manifest or index that the signatures are for. */
  digest: string;
  /** `verified`, or the most telling reason among the candidates. */
  code: ErrorCode | 'verified';
  message: string;
  signatures: SignatureVerdict[];
}
