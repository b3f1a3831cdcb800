import type { X509Certificate } from 'node:crypto';
import { type SignedEntity, type TrustMaterial, Verifier } from '@sigstore/verify';
import type { GantryError } from '../base/error.ts';
import { findPathFault } from './certificate-path.ts';
import { leaveKnownProof } from './known-proof.ts';
import { checkLogEntry } from './log-entry.ts';
import type { ClaimedProof, Material } from './material.ts';
import type { CompiledPolicy } from './policy.ts';
import { refuse, toRefusal } from './refusal.ts';
import { checkLeaf } from './signer.ts';

/**
 * Verifies a signature with a Fulcio certificate: the signature, the certificate chain, the SCT,
 * and a time within the validity of the certificate. The time comes from the transparency log or
 * from a signed timestamp. `requireTlog` demands a log entry. Entries of Rekor v2 state no time, so
 * they need a signed timestamp as well.
 * @returns the log entries and times that counted
 * @throws Refusal
 */
export function verifyKeyless(
  { entity, certificate }: Material,
  policy: CompiledPolicy,
): ClaimedProof {
  if (certificate === null) refuse('certificate_invalid', 'expected a certificate, found a key');
  checkLeaf(certificate);

  if (!entity.signature.verifySignature(certificate.publicKey)) {
    refuse(
      'signature_invalid',
      "expected a signature by the certificate's key over the signed bytes, found another",
    );
  }

  if (policy.requireTlog && entity.tlogEntries.length === 0) {
    refuse('tlog_missing', 'expected a transparency log entry, found none');
  }

  if (policy.trust === null)
    refuse('mode_mismatch', 'expected a trust root for a certificate, but the policy names none');
  const trust = leaveAuthorities(entity, policy.trust);

  // A log or timestamp authority that this trust root does not know must not spoil proof that
  // suffices without it. Anyone can remove proof from a bundle, so a subset that verifies is as
  // good as a bundle that holds only that subset.
  const known = { ...entity, ...leaveKnownProof(entity, policy.trust) };
  let first: GantryError | undefined;
  for (const proof of listSubsets(known, policy.requireTlog)) {
    try {
      verifyProof(proof, certificate, trust, policy.requireTlog ? 1 : 0);
      return proof;
    } catch (error) {
      first ??= toRefusal(error);
      // A trusted time outside the validity of the certificate must not be ignored.
      if (first.code === 'certificate_expired') break;
    }
  }

  throw first ?? toRefusal(undefined);
}

/**
 * Leaves the authorities whose path to the signer's certificate has no fault. Without authorities,
 * the library says that the chain does not verify.
 */
function leaveAuthorities({ key }: SignedEntity, trust: TrustMaterial): TrustMaterial {
  if (key.$case !== 'certificate') return trust;

  const faults = trust.certificateAuthorities.map(({ certChain }) =>
    findPathFault(key.certificate, certChain),
  );
  const [fault] = faults;
  if (fault && !faults.includes(null)) refuse('certificate_untrusted', fault);

  return {
    ...trust,
    certificateAuthorities: trust.certificateAuthorities.filter((_, at) => faults[at] === null),
  };
}

function listSubsets(entity: SignedEntity, requireTlog: boolean): SignedEntity[] {
  const logTimes = entity.timestamps.filter((time) => time.$case === 'transparency-log');
  const signedTimes = entity.timestamps.filter((time) => time.$case === 'timestamp-authority');
  const sets = [entity];
  if (logTimes.length > 0 && signedTimes.length > 0) sets.push({ ...entity, timestamps: logTimes });

  if (!requireTlog && signedTimes.length > 0 && entity.tlogEntries.length > 0) {
    sets.push({ ...entity, timestamps: signedTimes, tlogEntries: [] });
  }

  return sets;
}

function verifyProof(
  entity: SignedEntity,
  certificate: X509Certificate,
  trust: TrustMaterial,
  tlogThreshold: number,
) {
  new Verifier(trust, { ctlogThreshold: 1, tlogThreshold, timestampThreshold: 1 }).verify(entity);
  for (const entry of entity.tlogEntries) checkLogEntry(entry, certificate.publicKey, certificate);
}
