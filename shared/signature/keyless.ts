import type { X509Certificate } from 'node:crypto';
import { type SignedEntity, type TrustMaterial, Verifier } from '@sigstore/verify';
import { checkLogEntry } from './log-entry.ts';
import type { Material } from './material.ts';
import type { CompiledPolicy } from './policy.ts';
import { refusalOf, refuse } from './refusal.ts';
import { checkLeaf, type Signer } from './signer.ts';

/**
 * Verifies a signature made with a Fulcio certificate: signature, chain, SCT, and its time by the transparency log or a
 * signed timestamp within the certificate's validity. With `requireTlog` a log entry is demanded; Rekor v2's say no time,
 * so those need a signed timestamp as well.
 * @throws Refusal
 */
export function verifyKeyless({ entity }: Material, certificate: X509Certificate, policy: CompiledPolicy): void {
  checkLeaf(certificate);
  if (!entity.signature.verifySignature(certificate.publicKey)) {
    refuse('signature_invalid', "expected a signature by the certificate's key over the signed bytes, found another");
  }
  if (policy.requireTlog && entity.tlogEntries.length === 0) {
    refuse('tlog_missing', 'expected a transparency log entry, found none');
  }
  const { trust } = policy;
  if (trust === null) refuse('mode_mismatch', 'expected a trust root for a certificate, the policy names none');

  // Material that this trust root does not know (another log, another timestamp authority) must not spoil what suffices
  // without it: taking evidence away is open to anyone, so a subset that verifies is as good as a bundle that holds it alone.
  let first: unknown;
  for (const evidence of subsets(entity, policy.requireTlog)) {
    try {
      verifyEvidence(evidence, certificate, trust, policy.requireTlog ? 1 : 0);
      return;
    } catch (error) {
      first ??= error;
    }
  }
  throw refusalOf(first);
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

/** Demands a pair of regexps that both match. @throws Refusal `identity_mismatch`, `issuer_mismatch` */
export function checkIdentity({ identity, issuer }: Signer, policy: CompiledPolicy): void {
  if (identity === null || issuer === null) {
    refuse('certificate_invalid', 'expected one subject alternative name and an issuer in the certificate');
  }
  const sameIdentity = policy.identities.filter((pair) => pair.identity.test(identity));
  if (sameIdentity.some((pair) => pair.issuer.test(issuer))) return;
  if (sameIdentity.length === 0) {
    const expected = policy.identities.map(({ source }) => `/${source.identity_regexp}/`).join(' or ');
    refuse('identity_mismatch', `signed by "${identity}", expected to match ${expected}`);
  }
  const expected = sameIdentity.map(({ source }) => `/${source.issuer_regexp}/`).join(' or ');
  refuse('issuer_mismatch', `issued by "${issuer}", expected to match ${expected}`);
}
