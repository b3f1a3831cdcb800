import { Verifier } from '@sigstore/verify';
import { spki, type TrustedKey } from './keys.ts';
import { checkLogEntry, namedSigner } from './log-entry.ts';
import type { Evidence, Material } from './material.ts';
import type { CompiledPolicy } from './policy.ts';
import { refuse } from './refusal.ts';

/** The key hint of a signature that names a key, null when it names none. */
export function keyHintOf({ entity }: Material): string | null {
  return entity.key.$case === 'public-key' && entity.key.hint !== '' ? entity.key.hint : null;
}

/**
 * Verifies a signature made with a plain key against the policy's keys. The hint only says which is meant; keys do not
 * expire, so no time is needed, and a log entry only where the policy demands it.
 * @returns the hint of the key that made the signature, and the log entries that counted
 * @throws Refusal
 */
export function verifyKeyed(
  material: Material,
  policy: CompiledPolicy,
): Evidence & { hint: string } {
  const { entity } = material;
  const signer = policy.keys.find(({ key }) => entity.signature.verifySignature(key));
  if (signer === undefined) return refuseSigner(material, policy.keys);
  const { hint } = signer;
  if (!policy.requireTlog) return { hint, tlogEntries: [], timestamps: [] };
  if (entity.tlogEntries.length === 0)
    refuse('tlog_missing', 'expected a transparency log entry, found none');
  const { trust } = policy;
  if (trust === null)
    refuse('mode_mismatch', 'expected a trust root with the log, the policy names none');

  const trustMaterial = {
    ...trust,
    publicKey: () => ({ publicKey: signer.key, validFor: () => true }),
  };
  const verifier = new Verifier(trustMaterial, {
    ctlogThreshold: 0,
    tlogThreshold: 1,
    timestampThreshold: 0,
  });
  verifier.verify({ ...entity, key: { $case: 'public-key', hint }, timestamps: [] });
  for (const entry of entity.tlogEntries) checkLogEntry(entry, signer.key, null);
  return { hint, tlogEntries: entity.tlogEntries, timestamps: [] };
}

/** Tells a signature by another key from a broken one by a trusted key, as far as the signature says who made it. */
function refuseSigner(material: Material, keys: TrustedKey[]): never {
  const hint = keyHintOf(material);
  const trusted = keys.map((key) => key.hint);
  const logged = loggedSigner(material);
  const claimsTrusted =
    (hint !== null && trusted.includes(hint)) ||
    keys.some(({ key }) => logged !== null && spki(key).equals(logged));
  if (claimsTrusted) {
    refuse(
      'signature_invalid',
      'expected a signature by the trusted key over the signed bytes, found another',
    );
  }
  const found = hint === null ? 'by another key' : `by key ${hint}`;
  refuse('key_mismatch', `signed ${found}, expected ${trusted.join(' or ')}`);
}

function loggedSigner({ entity }: Material): Buffer | null {
  try {
    const [entry] = entity.tlogEntries;
    return entry === undefined
      ? null
      : namedSigner(JSON.parse(entry.canonicalizedBody.toString('utf8')));
  } catch {
    return null;
  }
}
