import { type Module, signaturePolicy } from '../domain/module.ts';
import type { ArtifactVerdict, SignatureCandidate } from '../domain/signature.ts';
import { verifyArtifact } from '../signature/index.ts';
import { publicTrustRoot } from './public-trust-root.ts';
import type { Services } from './services.ts';

/** A verdict, and by what it was made. */
export interface Judgement {
  verdict: ArtifactVerdict;
  policy_version: string;
  /** SHA-256 of the public-good trust root; one of the module's own is part of its policy. */
  trust_root_version: string;
}

/**
 * Judges an artifact's signatures by the policy of its module's row as it was read, and the newest trust root.
 * @param digest the artifact manifest's
 */
export async function judge(
  services: Services,
  module: Module,
  digest: string,
  found: SignatureCandidate[],
): Promise<Judgement> {
  const trust = await publicTrustRoot(services);
  const verdict = verifyArtifact(digest, found, signaturePolicy(module, trust.root));
  return { verdict, policy_version: module.policy_version, trust_root_version: trust.version };
}
