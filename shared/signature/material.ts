import { X509Certificate } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import { RFC3161Timestamp } from '@sigstore/core';
import type { SignedEntity } from '@sigstore/verify';
import { limits } from '../base/limits/index.ts';
import type { SignatureProof } from '../domain/signatures/index.ts';
import { Certificate } from './certificate.ts';
import { DerNode } from './der.ts';
import { refuse } from './refusal.ts';

/** The artifact that a signature must cover: its digest, and its bytes if the caller has them. */
export interface Artifact {
  /** `sha256:<hex>`, computed by the caller. */
  digest: string;
  bytes?: Uint8Array;
}

/** A digest that a statement is about, and its annotations in the statement. */
export interface Subject {
  digest: string;
  annotations: Record<string, unknown>;
}

/**
 * What a signature claims to sign until it is verified: the subjects of a statement (cosign's sign
 * type or simple signing), another statement about subjects, or the bytes of the artifact.
 */
export type SignatureClaim =
  | { kind: 'signature'; subjects: Subject[] }
  | { kind: 'attestation'; subjects: Subject[]; predicateType: string; predicate: unknown }
  | { kind: 'message' };

/** The parts of a signature that is not verified yet. */
export interface Material {
  claim: SignatureClaim;
  entity: SignedEntity;
  /** The signer's certificate, or null when the signature names a key. */
  certificate: X509Certificate | null;
}

/** The log entries and times that a signature brings along. */
export type ClaimedProof = Pick<SignedEntity, 'tlogEntries' | 'timestamps'>;

/** Converts the proof that counted to the form that a verdict has. */
export function toProof({ tlogEntries, timestamps }: ClaimedProof): SignatureProof {
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

/**
 * Combines a parsed bundle with what it signs. @throws Refusal `bundle_invalid`,
 * `certificate_invalid`
 */
export function toMaterial(
  bundle: Bundle,
  signature: SignedEntity['signature'],
  claim: SignatureClaim,
): Material {
  const { tlogEntries, timestampVerificationData, content } = bundle.verificationMaterial;
  const tokens = timestampVerificationData?.rfc3161Timestamps ?? [];
  const proof = tlogEntries.length + tokens.length;

  if (proof > limits.signatureProofsMax) {
    const most = limits.signatureProofsMax;
    refuse(
      'bundle_invalid',
      `expected at most ${most} log entries and timestamps in a signature, found ${proof}`,
    );
  }

  const timestamps: SignedEntity['timestamps'] = [];
  for (const tlogEntry of tlogEntries) {
    // Rekor v2 states no time.
    const saysTime = tlogEntry.integratedTime && tlogEntry.integratedTime !== '0';
    if (saysTime) timestamps.push({ $case: 'transparency-log', tlogEntry });
  }

  for (const { signedTimestamp } of tokens) {
    const timestamp = new RFC3161Timestamp(DerNode.parse(signedTimestamp));
    timestamps.push({ $case: 'timestamp-authority', timestamp });
  }

  const leaf = findLeaf(content);
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

/** Returns the signer's certificate in DER, or null for a key. */
function findLeaf(content: Bundle['verificationMaterial']['content']): Uint8Array | null {
  if (content.$case === 'publicKey') return null;
  if (content.$case === 'certificate') return content.certificate.rawBytes;

  const [leaf, ...others] = content.x509CertificateChain.certificates;
  if (leaf === undefined)
    return refuse('certificate_invalid', 'expected a certificate in the chain, found none');

  // sigstore_bundle.proto: root certificates come from the trust root, never with the signature.
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
