import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import { type SignedEntity, toSignedEntity } from '@sigstore/verify';
import { limits } from '../limits.ts';
import { verifyBytes } from './keys.ts';
import { refuse } from './refusal.ts';

/** What was signed about which digests, as claimed until the signature is verified. */
export interface Claim {
  /** Digests the statement is about, with the annotations it gives them. */
  subjects: { digest: string; annotations: Record<string, unknown> }[];
}

/** A signature, taken apart but not judged. */
export interface Material {
  claim: Claim;
  entity: SignedEntity;
  /** The signer's certificate in DER, null when the signature names a key. */
  certificate: X509Certificate | null;
}

/**
 * The signed bytes and the signature over them. The library's own class leaves the hash to OpenSSL's default, which is
 * wrong for P-384; and it keeps SHA-256 for what log entries say about the signed bytes.
 */
export class SignedBytes {
  readonly signature: Buffer;
  private readonly signed: Buffer;
  private readonly payload: Buffer;

  /** @param payload what Rekor v1's `dsse` entries hash: the envelope's payload, not its pre-authentication encoding */
  constructor(signature: Buffer, signed: Buffer, payload: Buffer = signed) {
    this.signature = signature;
    this.signed = signed;
    this.payload = payload;
  }

  compareSignature(signature: Buffer): boolean {
    return this.signature.equals(signature);
  }

  compareDigest(digest: Buffer): boolean {
    return createHash('sha256').update(this.payload).digest().equals(digest);
  }

  compareSignedDigest(digest: Buffer): boolean {
    const algorithm = { 32: 'sha256', 48: 'sha384', 64: 'sha512' }[digest.length];
    return algorithm !== undefined && createHash(algorithm).update(this.signed).digest().equals(digest);
  }

  verifySignature(key: KeyObject): boolean {
    return verifyBytes(key, this.signed, this.signature);
  }
}

/** Puts a parsed bundle and what it signs together. */
export function toMaterial(bundle: Bundle, signature: SignedBytes, claim: Claim): Material {
  const { tlogEntries, timestampVerificationData, content } = bundle.verificationMaterial;
  const evidence = tlogEntries.length + (timestampVerificationData?.rfc3161Timestamps.length ?? 0);
  if (evidence > limits.signatureEvidenceMax) {
    const most = limits.signatureEvidenceMax;
    refuse('bundle_invalid', `expected at most ${most} log entries and timestamps in a signature, found ${evidence}`);
  }
  const rawCertificate =
    content.$case === 'certificate'
      ? content.certificate.rawBytes
      : content.$case === 'x509CertificateChain'
        ? content.x509CertificateChain.certificates[0]?.rawBytes
        : null;
  const certificate = rawCertificate ? parseCertificate(rawCertificate) : null;
  return { claim, entity: { ...toSignedEntity(bundle, Buffer.alloc(0)), signature }, certificate };
}

function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    return refuse('certificate_invalid', 'expected an X.509 certificate, found bytes that do not decode', cause);
  }
}
