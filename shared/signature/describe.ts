import { readModuleBundle } from './bundle.ts';
import { readKeyHint } from './keyed.ts';
import { toProof } from './material.ts';
import { readSigner } from './signer.ts';

/** Who a bundle claims to be from, and where it is logged. Nothing is verified. */
export interface BundleDescription {
  identity: string | null;
  issuer: string | null;
  key_id: string | null;
  log_indexes: string[];
}

/**
 * Reads a bundle as verification does, and says who its certificate or key is of.
 * @param bundle parsed JSON
 * @throws Refusal `bundle_invalid`, `payload_invalid`, `certificate_invalid`
 */
export function describeBundle(bundle: unknown): BundleDescription {
  const material = readModuleBundle(bundle);
  const { key } = material.entity;
  const signer = key.$case === 'certificate' ? readSigner(key.certificate, 'bundle') : null;

  return {
    identity: signer?.names[0] ?? null,
    issuer: signer?.issuer ?? null,
    key_id: readKeyHint(material),
    log_indexes: toProof(material.entity).log_entries.map(({ index }) => index),
  };
}
