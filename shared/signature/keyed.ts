import { Verifier } from '@sigstore/verify';
import { encodeSpki, type TrustedKey } from './keys.ts';
import { leaveKnownProof } from './known-proof.ts';
import { checkLogEntry, readNamedSigner } from './log-entry.ts';
import type { ClaimedProof, Material } from './material.ts';
import type { CompiledPolicy } from './policy.ts';
import { refuse } from './refusal.ts';

/** Returns the key hint of a signature, or null when the signature names no key. */
export function readKeyHint({ entity }: Material): string | null {
  return entity.key.$case === 'public-key' && entity.key.hint !== '' ? entity.key.hint : null;
}

/**
 * Verifies a signature by a plain key against the keys of the policy. The hint only says which key
 * is meant. Keys do not expire, so no time is needed. A log entry is needed only if the policy
 * requires one.
 * @returns the hint of the key that made the signature, and the log entries that counted
 * @throws Refusal
 */
export function verifyKeyed(
  material: Material,
  policy: CompiledPolicy,
): ClaimedProof & { hint: string } {
  const { entity } = material;
  const signer = policy.keys.find(({ key }) => entity.signature.verifySignature(key));
  if (signer === undefined) return refuseSigner(material, policy.keys);

  const { hint } = signer;
  if (!policy.requireTlog) return { hint, tlogEntries: [], timestamps: [] };

  if (entity.tlogEntries.length === 0)
    refuse('tlog_missing', 'expected a transparency log entry, found none');
  const { trust } = policy;
  if (trust === null)
    refuse('mode_mismatch', 'expected a trust root with the log, but the policy names none');

  const trustMaterial = {
    ...trust,
    publicKey: () => ({ publicKey: signer.key, validFor: () => true }),
  };
  const verifier = new Verifier(trustMaterial, {
    ctlogThreshold: 0,
    tlogThreshold: 1,
    timestampThreshold: 0,
  });

  const { tlogEntries } = leaveKnownProof(entity, trust);
  verifier.verify({ ...entity, key: { $case: 'public-key', hint }, tlogEntries, timestamps: [] });
  for (const entry of tlogEntries) checkLogEntry(entry, signer.key, null);
  return { hint, tlogEntries, timestamps: [] };
}

/**
 * Refuses a signature: as broken when it claims to be by a trusted key, otherwise as a signature by
 * another key.
 */
function refuseSigner(material: Material, keys: TrustedKey[]): never {
  const hint = readKeyHint(material);
  const trusted = keys.map((key) => key.hint);
  const logged = readLoggedSigner(material);
  const claimsTrusted =
    (hint !== null && trusted.includes(hint)) ||
    keys.some(({ key }) => logged !== null && encodeSpki(key).equals(logged));

  if (claimsTrusted) {
    refuse(
      'signature_invalid',
      'expected a signature by the trusted key over the signed bytes, found another',
    );
  }

  const found = hint === null ? 'by another key' : `by key ${hint}`;
  refuse('key_mismatch', `signed ${found}, expected ${trusted.join(' or ')}`);
}

function readLoggedSigner({ entity }: Material): Buffer | null {
  try {
    const [entry] = entity.tlogEntries;
    return entry === undefined
      ? null
      : readNamedSigner(JSON.parse(entry.canonicalizedBody.toString('utf8')));
  } catch {
    return null;
  }
}
