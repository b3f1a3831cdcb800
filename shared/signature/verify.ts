import type { ErrorCode } from '../contract/error-codes.ts';
import type { ArtifactVerdict, SignatureCandidate, SignaturePolicy, SignatureVerdict } from '../domain/signature.ts';
import { readBundle } from './bundle.ts';
import { keyHintOf, verifyKeyed } from './keyed.ts';
import { checkIdentity, verifyKeyless } from './keyless.ts';
import { readLegacy } from './legacy.ts';
import type { Material } from './material.ts';
import { type CompiledPolicy, compilePolicy } from './policy.ts';
import { Refusal, refusalOf, refuse } from './refusal.ts';
import { readSigner } from './signer.ts';

type Subject = Material['claim']['subjects'][number];

/**
 * Judges an artifact by the signatures found beside it: any that satisfies the policy suffices. Pure; never throws.
 * @param digest the artifact manifest's, as computed from its bytes by the caller
 */
export function verifyArtifact(
  digest: string,
  candidates: SignatureCandidate[],
  policy: SignaturePolicy,
): ArtifactVerdict {
  const signatures = candidates.map((candidate) => verifyCandidate(candidate, digest, policy));
  const told = mostTelling(signatures);
  if (told === undefined) {
    const message = 'expected a signature beside the artifact, found none';
    return { verified: false, digest, code: 'unsigned', message, signatures };
  }
  return { verified: told.verified, digest, code: told.code, message: told.message, signatures };
}

/**
 * Judges one signature: what it is about, then who made it, then whether that is whom the policy wants. Pure; whatever is
 * wrong, with the signature or the policy, is a verdict and no exception.
 */
export function verifyCandidate(
  candidate: SignatureCandidate,
  digest: string,
  policy: SignaturePolicy,
): SignatureVerdict {
  const verdict: SignatureVerdict = {
    format: candidate.format,
    source: candidate.source,
    identity: null,
    issuer: null,
    key_id: null,
    verified: false,
    code: 'bundle_invalid',
    message: '',
  };
  try {
    if (candidate.unreadable) throw new Refusal(candidate.unreadable.code, candidate.unreadable.message);
    const material = candidate.format === 'bundle' ? readBundle(candidate.bundle) : readLegacy(candidate);
    describeSigner(material, verdict);
    const subject = findSubject(material, digest);
    verifySignature(material, compilePolicy(policy), verdict);
    checkAnnotations(subject, compilePolicy(policy).annotations);
    const signer = verdict.identity === null ? `key ${verdict.key_id}` : `"${verdict.identity}"`;
    return { ...verdict, verified: true, code: 'verified', message: `signed by ${signer}` };
  } catch (error) {
    const { code, message } = refusalOf(error);
    return { ...verdict, code, message: printable(message) };
  }
}

/** Fills in who claims to have signed, which is worth showing whether or not it verifies. */
function describeSigner(material: Material, verdict: SignatureVerdict): void {
  const { key } = material.entity;
  if (key.$case === 'certificate') Object.assign(verdict, readSigner(key.certificate));
  else verdict.key_id = keyHintOf(material);
}

function findSubject({ claim }: Material, digest: string): Subject {
  const subject = claim.subjects.find((candidate) => candidate.digest === digest);
  if (subject) return subject;
  const found = claim.subjects.map((candidate) => candidate.digest).join(', ');
  return refuse('digest_mismatch', `expected a signature of ${digest}, found one of ${found.slice(0, 500)}`);
}

function verifySignature(material: Material, policy: CompiledPolicy, verdict: SignatureVerdict): void {
  if (material.certificate === null) {
    if (policy.keys.length === 0) {
      refuse('mode_mismatch', 'expected a keyless signature with a certificate, found one by a key');
    }
    verdict.key_id = verifyKeyed(material, policy).hint;
    return;
  }
  if (policy.identities.length === 0) {
    refuse('mode_mismatch', 'expected a signature by a trusted key, found a keyless one with a certificate');
  }
  verifyKeyless(material, material.certificate, policy);
  checkIdentity(verdict, policy);
}

function checkAnnotations({ annotations }: Subject, wanted: Record<string, string>): void {
  for (const [name, value] of Object.entries(wanted)) {
    const found = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
    if (found === value) continue;
    const text = found === undefined ? 'none' : JSON.stringify(found);
    refuse('annotation_mismatch', `expected the annotation ${name}="${value}" in the signature, found ${text}`);
  }
}

/** Messages quote what strangers wrote: no control characters for terminals, no megabytes for logs. */
function printable(message: unknown): string {
  return String(message)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
    .slice(0, 1000);
}

/** From what nearly satisfied the policy to what says least; codes that are not listed come last. */
const telling: ErrorCode[] = [
  'annotation_mismatch',
  'issuer_mismatch',
  'identity_mismatch',
  'tlog_missing',
  'timestamp_missing',
  'sct_missing',
  'certificate_expired',
  'certificate_untrusted',
  'certificate_invalid',
  'tlog_invalid',
  'timestamp_invalid',
  'sct_invalid',
  'signature_invalid',
  'key_mismatch',
  'digest_mismatch',
  'mode_mismatch',
  'trusted_root_invalid',
  'key_invalid',
  'regexp_invalid',
  'blob_digest_mismatch',
  'payload_invalid',
  'bundle_invalid',
];

function mostTelling(verdicts: SignatureVerdict[]): SignatureVerdict | undefined {
  const rank = ({ code }: SignatureVerdict) => {
    if (code === 'verified') return -1;
    if (code === 'attestation_only') return telling.length + 1;
    const at = telling.indexOf(code);
    return at < 0 ? telling.length : at;
  };
  return [...verdicts].sort((a, b) => rank(a) - rank(b))[0];
}
