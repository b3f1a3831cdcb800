import type { X509Certificate } from 'node:crypto';
import { type SignedEntity, type TrustMaterial, Verifier } from '@sigstore/verify';
import type { GantryError } from '../base/error.ts';
import { checkLogEntry } from './log-entry.ts';
import type { Evidence, Material } from './material.ts';
import type { CompiledPolicy } from './policy.ts';
import { refusalOf, refuse } from './refusal.ts';
import { checkLeaf } from './signer.ts';

/**
 * Verifies a signature made with a Fulcio certificate: signature, chain, SCT, and its time by the transparency log or a
 * signed timestamp within the certificate's validity. With `requireTlog` a log entry is demanded; Rekor v2's say no time,
 * so those need a signed timestamp as well.
 * @returns the log entries and times that counted
 * @throws Refusal
 */
export function verifyKeyless({ entity, certificate }: Material, policy: CompiledPolicy): Evidence {
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
  const { trust } = policy;
  if (trust === null)
    refuse('mode_mismatch', 'expected a trust root for a certificate, the policy names none');

  // Material that this trust root does not know (another log, another timestamp authority) must not spoil what suffices
  // without it: taking evidence away is open to anyone, so a subset that verifies is as good as a bundle that holds it alone.
  let first: GantryError | undefined;
  for (const evidence of subsets(entity, policy.requireTlog)) {
    try {
      verifyEvidence(evidence, certificate, trust, policy.requireTlog ? 1 : 0);
      return evidence;
    } catch (error) {
      first ??= refusalOf(error);
      // A trusted time that lies outside the certificate's is no material to leave aside.
      if (first.code === 'certificate_expired') break;
    }
  }
  throw first ?? refusalOf(undefined);
}

function subsets(entity: SignedEntity, requireTlog: boolean): SignedEntity[] {
  const logTimes = entity.timestamps.filter((time) => time.$case === 'transparency-log');
  const signedTimes = entity.timestamps.filter((time) => time.$case === 'timestamp-authority');
  const sets = [entity];
  if (logTimes.length > 0 && signedTimes.length > 0) sets.push({ ...entity, timestamps: logTimes });
  if (!requireTlog && signedTimes.length > 0 && entity.tlogEntries.length > 0) {
    sets.push({ ...entity, timestamps: signedTimes, tlogEntries: [] });
  }
  return sets;
}

function verifyEvidence(
  entity: SignedEntity,
  certificate: X509Certificate,
  trust: TrustMaterial,
  tlogThreshold: number,
) {
  new Verifier(trust, { ctlogThreshold: 1, tlogThreshold, timestampThreshold: 1 }).verify(entity);
  for (const entry of entity.tlogEntries) checkLogEntry(entry, certificate.publicKey, certificate);
}
