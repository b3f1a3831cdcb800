import type { ErrorCode } from '../base/error-codes.ts';
import { limits } from '../base/limits/index.ts';
import {
  type ArtifactVerdict,
  type BundleVerdict,
  type FoundSignature,
  requirementText,
  type SignaturePolicy,
  type SignatureVerdict,
  type SignerClaims,
  signPredicateType,
} from '../domain/signatures/index.ts';
import { type CoveredDigests, findUnmetRequirement, summarizeAttestation } from './attestation.ts';
import { readFileBundle, readModuleBundle } from './bundle.ts';
import { checkIdentity } from './identity.ts';
import { readKeyHint, verifyKeyed } from './keyed.ts';
import { verifyKeyless } from './keyless.ts';
import { readLegacy } from './legacy.ts';
import {
  type Artifact,
  type ClaimedProof,
  type Material,
  type SignatureClaim,
  toProof,
} from './material.ts';
import { type CompiledPolicy, compilePolicy } from './policy.ts';
import { Refusal, refuse, toRefusal } from './refusal.ts';
import { readSigner, type Signer } from './signer.ts';

/**
 * Increase this when the same signatures and policy may get a different verdict. Cached verdicts
 * then no longer count.
 */
export const verdictRules = 5;

/**
 * Verifies an artifact by the signatures found beside it. One signature that satisfies the policy
 * is enough. Attestations are needed only if the policy requires them. Pure; never throws.
 * @param digest the digest of the artifact manifest, which the caller computed from its bytes
 * @param builds digests of the manifests that an index lists: attestations may be about them
 */
export function verifyArtifact(
  digest: string,
  found: FoundSignature[],
  policy: SignaturePolicy,
  builds: readonly string[] = [],
): ArtifactVerdict {
  const signatures = found.map((signature) => verifySignature(signature, digest, policy, builds));
  const best = findMostInformative(signatures);
  if (best === undefined) {
    const message = 'expected a signature beside the artifact, found none';
    return { verified: false, digest, code: 'unsigned', message, signatures };
  }

  const { verified, code, message } = best;
  const missing = verified
    ? findUnmetRequirement(compilePolicy(policy).attestations, signatures, builds)
    : null;
  if (missing === null) return { verified, digest, code, message, signatures };

  return {
    verified: false,
    digest,
    code: 'attestation_missing',
    message: `expected a verified attestation of type ${requirementText(missing)}, found none`,
    signatures,
  };
}

/**
 * Verifies one signature: what it signs, then who made it, then whether the policy trusts that
 * signer. An attestation is verified in the same way, but never counts as a signature. Pure:
 * problems of the signature or the policy become a verdict, not an exception.
 */
export function verifySignature(
  signature: FoundSignature,
  digest: string,
  policy: SignaturePolicy,
  builds: readonly string[] = [],
): SignatureVerdict {
  const { format, source, claimed_digest, unreadable } = signature;
  const read = () => {
    if (unreadable) throw new Refusal(unreadable.code, unreadable.message);
    return signature.format === 'bundle'
      ? readModuleBundle(signature.bundle)
      : readLegacy(signature);
  };

  const { claim, ...verdict } = verifyMaterial({ read, format }, { digest, builds }, policy);
  const found = { format, source, claimed_digest, ...verdict };
  if (claim?.kind !== 'attestation') return found;

  const message = `expected a signature (${signPredicateType}), found an attestation of type "${claim.predicateType}"`;
  const [attestation, fault] = verdict.verified
    ? [{ attestation: summarizeAttestation(claim, { digest, builds }) }, '']
    : [{}, `, which does not verify: ${verdict.message} (${verdict.code})`];

  return {
    ...found,
    ...attestation,
    verified: false,
    code: 'attestation_only',
    message: toPrintable(`${message}${fault}`),
  };
}

/**
 * Verifies a Sigstore bundle for a file: a signature over its bytes, or a statement of any type
 * that names its digest. Pure: problems become a verdict, not an exception.
 */
export function verifyBundle(
  bundle: unknown,
  artifact: Artifact,
  policy: SignaturePolicy,
): BundleVerdict {
  const { claim, ...verdict } = verifyMaterial(
    { read: () => readFileBundle(bundle, artifact), format: 'bundle' },
    { digest: artifact.digest, builds: [] },
    policy,
  );
  return verdict;
}

type VerdictWithClaim = BundleVerdict & { claim?: SignatureClaim };

function verifyMaterial(
  { read, format }: { read: () => Material; format: FoundSignature['format'] },
  covered: CoveredDigests,
  policy: SignaturePolicy,
): VerdictWithClaim {
  const verdict: VerdictWithClaim = {
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
    const signer = key.$case === 'certificate' ? readSigner(key.certificate, format) : null;

    // The verdict shows the claimed signer even if the signature does not verify.
    verdict.claim = material.claim;
    if (signer === null) verdict.key_id = readKeyHint(material);
    else Object.assign(verdict, { identity: signer.names[0] ?? null, issuer: signer.issuer });

    const annotations = findAnnotations(material.claim, covered);
    const compiled = compilePolicy(policy);
    const counted =
      signer === null
        ? verifyByKey(material, compiled)
        : verifyByCertificate(material, signer, compiled);
    if (counted.hint !== undefined) verdict.key_id = counted.hint;
    if (counted.identity !== undefined) verdict.identity = counted.identity;
    checkAnnotations(annotations, compiled.annotations);

    const name = signer === null ? `key ${verdict.key_id}` : `"${verdict.identity}"`;
    const claims = signer === null ? {} : { claims: shortenClaims(signer.claims) };

    return {
      ...verdict,
      ...claims,
      proof: toProof(counted),
      verified: true,
      code: 'verified',
      message: `signed by ${name}`,
    };
  } catch (error) {
    const { code, message } = toRefusal(error);
    return { ...verdict, code, message: toPrintable(message) };
  }
}

/** Shortens claims for display and storage. The policy has compared them in full. */
function shortenClaims(claims: SignerClaims): SignerClaims {
  return Object.fromEntries(
    Object.entries(claims).map(([name, text]) => [
      name,
      text.slice(0, limits.verdictTextMax).toWellFormed(),
    ]),
  );
}

/**
 * Returns the annotations that were signed with the digest; of an attestation, also those that were
 * signed with a build of it.
 */
function findAnnotations(
  claim: SignatureClaim,
  { digest, builds }: CoveredDigests,
): Record<string, unknown> {
  // A message signature was already read against the digest.
  if (claim.kind === 'message') return {};

  const covered = claim.kind === 'attestation' ? [digest, ...builds] : [digest];
  const subject = claim.subjects.find((subject) => covered.includes(subject.digest));
  if (subject) return subject.annotations;

  const found = claim.subjects.map((subject) => subject.digest).join(', ');
  return refuse(
    'digest_mismatch',
    `expected a signature of ${digest}, found one of ${found.slice(0, 500)}`,
  );
}

/** The proof that counted, and the key's hint or the name that made the signature. */
type CountedProof = ClaimedProof & { hint?: string; identity?: string };

function verifyByKey(material: Material, policy: CompiledPolicy): CountedProof {
  if (policy.keys.length === 0) {
    refuse('mode_mismatch', 'expected a keyless signature with a certificate, found one by a key');
  }
  return verifyKeyed(material, policy);
}

function verifyByCertificate(
  material: Material,
  signer: Signer,
  policy: CompiledPolicy,
): CountedProof {
  if (policy.identities.length === 0) {
    refuse(
      'mode_mismatch',
      'expected a signature by a trusted key, found a keyless one with a certificate',
    );
  }

  const proof = verifyKeyless(material, policy);
  return { ...proof, identity: checkIdentity(signer, policy) };
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

/**
 * Messages quote untrusted text, so remove control characters (terminals) and limit the length
 * (logs).
 */
function toPrintable(message: unknown): string {
  return String(message)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
    .slice(0, 1000);
}

/**
 * From the codes that nearly satisfied the policy to the least informative ones. Codes that are not
 * listed come last.
 */
const codesByInformation: ErrorCode[] = [
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

function findMostInformative(verdicts: SignatureVerdict[]): SignatureVerdict | undefined {
  const rank = ({ code }: SignatureVerdict) => {
    if (code === 'verified') return -1;
    if (code === 'attestation_only') return codesByInformation.length + 1;
    const at = codesByInformation.indexOf(code);
    return at < 0 ? codesByInformation.length : at;
  };
  return [...verdicts].sort((a, b) => rank(a) - rank(b))[0];
}
