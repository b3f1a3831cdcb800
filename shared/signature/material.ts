import { X509Certificate } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import { RFC3161Timestamp } from '@sigstore/core';
import type { SignedEntity } from '@sigstore/verify';
import { limits } from '../base/limits/index.ts';
import type { SignatureProof } from '../domain/signatures/index.ts';
import { Certificate } from './certificate.ts';
import { DerNode } from './der.ts';
import { refuse } from './refusal.ts';

/** What a signature is looked for: its digest, and its bytes where the caller has them. */
export interface Artifact {
  /** `sha256:<hex>`, computed by the caller. */
  digest: string;
  bytes?: Uint8Array;
}

/** A digest that a statement is about, with the annotations that it gives it. */
export interface Subject {
  digest: string;
  annotations: Record<string, unknown>;
}

/**
 * What was signed, as claimed until the signature is verified: that somebody signs for the subjects (cosign's sign type, or
 * simple signing), something else said of them, or the artifact's own bytes.
 */
export type Claim =
  | { kind: 'signature'; subjects: Subject[] }
  | { kind: 'attestation'; subjects: Subject[]; predicateType: string; predicate: unknown }
  | { kind: 'message' };

/** A signature, taken apart but not judged. */
export interface Material {
  claim: Claim;
  entity: SignedEntity;
  /** The signer's certificate, null when the signature names a key. */
  certificate: X509Certificate | null;
}

/** What vouches for a signature besides its signer. */
export type Evidence = Pick<SignedEntity, 'tlogEntries' | 'timestamps'>;

/** The evidence that counted, as a verdict tells it. */
export function proofOf({ tlogEntries, timestamps }: Evidence): SignatureProof {
  return {
    log_entries: tlogEntries.map(({ logId, logIndex, integratedTime }) => ({
      log_id: Buffer.from(logId?.keyId ?? []).toString('hex'),
      index: String(logIndex),
      logged_at:
        Number(integratedTime) > 0 ? new Date(Number(integratedTime) * 1000).toISOString() : null,
    })),
    timestamps: timestamps.flatMap((time) =>
      time.$case === 'timestamp-authority' ? [time.timestamp.signingTime.toISOString()] : [],
    ),
  };
}

/** Puts a parsed bundle and what it signs together. @throws Refusal `bundle_invalid`, `certificate_invalid` */
export function toMaterial(
  bundle: Bundle,
  signature: SignedEntity['signature'],
  claim: Claim,
): Material {
  const { tlogEntries, timestampVerificationData, content } = bundle.verificationMaterial;
  const tokens = timestampVerificationData?.rfc3161Timestamps ?? [];
  const evidence = tlogEntries.length + tokens.length;
  if (evidence > limits.signatureEvidenceMax) {
    const most = limits.signatureEvidenceMax;
    refuse(
      'bundle_invalid',
      `expected at most ${most} log entries and timestamps in a signature, found ${evidence}`,
    );
  }
  const timestamps: SignedEntity['timestamps'] = [];
  for (const tlogEntry of tlogEntries) {
    // Rekor v2 writes no time.
    const saysTime = tlogEntry.integratedTime && tlogEntry.integratedTime !== '0';
    if (saysTime) timestamps.push({ $case: 'transparency-log', tlogEntry });
  }
  for (const { signedTimestamp } of tokens) {
    const timestamp = new RFC3161Timestamp(DerNode.parse(signedTimestamp));
    timestamps.push({ $case: 'timestamp-authority', timestamp });
  }
  const leaf = leafOf(content);
  const key: SignedEntity['key'] =
    leaf === null
      ? { $case: 'public-key', hint: content.$case === 'publicKey' ? content.publicKey.hint : '' }
      : { $case: 'certificate', certificate: Certificate.fromDer(leaf) };
  return {
    claim,
    entity: { signature, key, tlogEntries, timestamps },
    certificate: leaf === null ? null : parseCertificate(leaf),
  };
}

/** The signer's certificate in DER; null for a key. */
function leafOf(content: Bundle['verificationMaterial']['content']): Uint8Array | null {
  if (content.$case === 'publicKey') return null;
  if (content.$case === 'certificate') return content.certificate.rawBytes;
  const [leaf, ...others] = content.x509CertificateChain.certificates;
  if (leaf === undefined)
    return refuse('certificate_invalid', 'expected a certificate in the chain, found none');
  // sigstore_bundle.proto: roots come from the trust root, never with the signature.
  const root = others
    .map(({ rawBytes }) => parseCertificate(rawBytes))
    .find((one) => one.subject === one.issuer);
  if (root !== undefined)
    refuse('certificate_invalid', 'expected a chain without root certificates, found one');
  return leaf.rawBytes;
}

function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    return refuse(
      'certificate_invalid',
      'expected an X.509 certificate, found bytes that do not decode',
      cause,
    );
  }
}
