import type { ErrorCode } from '../base/error-codes.ts';
import { limits } from '../base/limits/index.ts';
import {
  type ArtifactVerdict,
  type BundleVerdict,
  type FoundSignature,
  type SignaturePolicy,
  type SignatureVerdict,
  type SignerClaims,
  signPredicateType,
} from '../domain/signatures/index.ts';
import { summarise, unmet } from './attestation.ts';
import { readBundle } from './bundle.ts';
import { checkIdentity } from './identity.ts';
import { keyHintOf, verifyKeyed } from './keyed.ts';
import { verifyKeyless } from './keyless.ts';
import { readLegacy } from './legacy.ts';
import { type Artifact, type Claim, type Evidence, type Material, proofOf } from './material.ts';
import { type CompiledPolicy, compilePolicy } from './policy.ts';
import { Refusal, refusalOf, refuse } from './refusal.ts';
import { readSigner, type Signer } from './signer.ts';

/** Raised when the same signatures and policy may get another verdict than before: cached ones count no more. */
export const judgingRules = 1;

/**
 * Judges an artifact by the signatures found beside it: any that satisfies the policy suffices, and attestations only where
 * the policy asks for them besides. Pure; never throws.
 * @param digest the artifact manifest's, as computed from its bytes by the caller
 */
export function verifyArtifact(
  digest: string,
  found: FoundSignature[],
  policy: SignaturePolicy,
): ArtifactVerdict {
  const signatures = found.map((signature) => verifySignature(signature, digest, policy));
  const told = mostTelling(signatures);
  if (told === undefined) {
    const message = 'expected a signature beside the artifact, found none';
    return { verified: false, digest, code: 'unsigned', message, signatures };
  }
  const { verified, code, message } = told;
  const missing = verified ? unmet(compilePolicy(policy).attestations, signatures) : null;
  if (missing === null) return { verified, digest, code, message, signatures };
  const by =
    missing.builder_regexp === undefined
      ? ''
      : ` by a builder that matches /${missing.builder_regexp}/`;
  return {
    verified: false,
    digest,
    code: 'attestation_missing',
    message: `expected a verified attestation of type ${missing.predicate_type}${by}, found none`,
    signatures,
  };
}

/**
 * Judges one signature: what it is about, then who made it, then whether that is whom the policy wants. An attestation is
 * verified the same way and never counts as a signature. Pure; whatever is wrong, with the signature or the policy, is a
 * verdict and no exception.
 */
export function verifySignature(
  signature: FoundSignature,
  digest: string,
  policy: SignaturePolicy,
): SignatureVerdict {
  const { format, source, claimed_digest, unreadable } = signature;
  const read = () => {
    if (unreadable) throw new Refusal(unreadable.code, unreadable.message);
    return signature.format === 'bundle'
      ? readBundle(signature.bundle, { digest })
      : readLegacy(signature);
  };
  const { claim, ...verdict } = judge(read, digest, policy);
  const found = { format, source, claimed_digest, ...verdict };
  if (claim?.kind !== 'attestation') return found;
  const message = `expected a signature (${signPredicateType}), found an attestation of type "${claim.predicateType}"`;
  const attestation = verdict.verified ? { attestation: summarise(claim) } : {};
  return {
    ...found,
    ...attestation,
    verified: false,
    code: 'attestation_only',
    message: printable(message),
  };
}

/**
 * Judges a Sigstore bundle about a file: a signature over its bytes, or a statement of any type that names its digest. Pure;
 * whatever is wrong is a verdict and no exception.
 */
export function verifyBundle(
  bundle: unknown,
  artifact: Artifact,
  policy: SignaturePolicy,
): BundleVerdict {
  const { claim, ...verdict } = judge(() => readBundle(bundle, artifact), artifact.digest, policy);
  return verdict;
}

type Judgement = BundleVerdict & { claim?: Claim };

function judge(read: () => Material, digest: string, policy: SignaturePolicy): Judgement {
  const judgement: Judgement = {
    identity: null,
    issuer: null,
    key_id: null,
    verified: false,
    code: 'bundle_invalid',
    message: '',
  };
  try {
    const material = read();
    const { key } = material.entity;
    const signer = key.$case === 'certificate' ? readSigner(key.certificate) : null;
    // Who claims to have signed is worth showing whether or not it verifies.
    judgement.claim = material.claim;
    if (signer === null) judgement.key_id = keyHintOf(material);
    else Object.assign(judgement, { identity: signer.identity, issuer: signer.issuer });

    const annotations = annotationsFor(material.claim, digest);
    const compiled = compilePolicy(policy);
    const counted =
      signer === null
        ? verifyByKey(material, compiled)
        : verifyByCertificate(material, signer, compiled);
    if (counted.hint !== undefined) judgement.key_id = counted.hint;
    checkAnnotations(annotations, compiled.annotations);
    const name = signer === null ? `key ${judgement.key_id}` : `"${signer.identity}"`;
    const claims = signer === null ? {} : { claims: shortened(signer.claims) };
    return {
      ...judgement,
      ...claims,
      proof: proofOf(counted),
      verified: true,
      code: 'verified',
      message: `signed by ${name}`,
    };
  } catch (error) {
    const { code, message } = refusalOf(error);
    return { ...judgement, code, message: printable(message) };
  }
}

/** Claims as they are shown and kept; what a policy demands is compared in full. */
function shortened(claims: SignerClaims): SignerClaims {
  return Object.fromEntries(
    Object.entries(claims).map(([name, text]) => [name, text.slice(0, limits.verdictTextMax)]),
  );
}

/** @returns the annotations that were signed with the digest */
function annotationsFor(claim: Claim, digest: string): Record<string, unknown> {
  // A message is read with the digest that it must be of.
  if (claim.kind === 'message') return {};
  const subject = claim.subjects.find((subject) => subject.digest === digest);
  if (subject) return subject.annotations;
  const found = claim.subjects.map((subject) => subject.digest).join(', ');
  return refuse(
    'digest_mismatch',
    `expected a signature of ${digest}, found one of ${found.slice(0, 500)}`,
  );
}

/** The evidence that counted, and the hint of the key that made the signature. */
type Counted = Evidence & { hint?: string };

function verifyByKey(material: Material, policy: CompiledPolicy): Counted {
  if (policy.keys.length === 0) {
    refuse('mode_mismatch', 'expected a keyless signature with a certificate, found one by a key');
  }
  return verifyKeyed(material, policy);
}

function verifyByCertificate(material: Material, signer: Signer, policy: CompiledPolicy): Counted {
  if (policy.identities.length === 0) {
    refuse(
      'mode_mismatch',
      'expected a signature by a trusted key, found a keyless one with a certificate',
    );
  }
  const evidence = verifyKeyless(material, policy);
  checkIdentity(signer, policy);
  return evidence;
}

function checkAnnotations(
  annotations: Record<string, unknown>,
  wanted: Record<string, string>,
): void {
  for (const [name, value] of Object.entries(wanted)) {
    const found = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
    if (found === value) continue;
    const text = found === undefined ? 'none' : JSON.stringify(found);
    refuse(
      'annotation_mismatch',
      `expected the annotation ${name}="${value}" in the signature, found ${text}`,
    );
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
  'claim_mismatch',
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
