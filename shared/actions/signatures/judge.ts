import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { type Module, needsPublicRoot, signaturePolicy } from '../../domain/modules/index.ts';
import type { ArtifactVerdict, FoundSignature } from '../../domain/signatures/index.ts';
import { truncateVerdicts } from '../../domain/signatures/index.ts';
import { judgingRules, verifyArtifact } from '../../signature/index.ts';
import { getVerdict, putVerdict } from '../../store/signatures/index.ts';
import type { Services } from '../context/index.ts';
import { publicTrustRoot } from './sigstore-trust-root.ts';

/** A verdict, and by what it was made. */
export interface Judgement {
  /** As rows keep it: long texts are cut. */
  verdict: ArtifactVerdict;
  policy_version: string;
  /** SHA-256 of the public-good trust root, or `none` where the policy rests on none, or on one of its own. */
  trust_root_version: string;
  /** False where the trust root that it was judged by is overdue for a refresh, or a shipped copy. */
  fresh: boolean;
}

/**
 * Judges an artifact's signatures by the policy of its module's row as it was read, and the newest trust root. What was
 * judged before, all the same, is looked up and not judged again.
 * @param digest the artifact manifest's
 */
export async function judge(
  services: Services,
  module: Module,
  digest: string,
  found: FoundSignature[],
): Promise<Judgement> {
  const trust = needsPublicRoot(module) ? await publicTrustRoot(services) : null;
  const { account, policy_version } = module;
  const trust_root_version = trust?.version ?? 'none';
  const fresh =
    trust === null ||
    (trust.fresh_until !== null && Date.parse(trust.fresh_until) > services.now().getTime());
  const evidence_sha256 = sha256Hex(JSON.stringify(found));
  const key = {
    account,
    digest,
    policy_version,
    trust_root_version,
    evidence_sha256,
    rules: judgingRules,
  };
  const known = await getVerdict(services.db, key);
  if (known !== null) return { verdict: known, policy_version, trust_root_version, fresh };

  const judged = verifyArtifact(digest, found, signaturePolicy(module, trust?.root ?? null));
  const verdict = { ...judged, signatures: truncateVerdicts(judged.signatures) };
  const until = Math.ceil(services.now().getTime() / 1000) + limits.verdictRememberSeconds;
  await putVerdict(services.db, key, verdict, until);
  return { verdict, policy_version, trust_root_version, fresh };
}

/**
 * Judges as `judge` does, but remembers nothing and looks nothing up: who can write to the table must not decide what is
 * taken in.
 */
export async function judgeAnew(
  services: Services,
  module: Module,
  digest: string,
  found: FoundSignature[],
): Promise<ArtifactVerdict> {
  const trust = needsPublicRoot(module) ? await publicTrustRoot(services) : null;
  return verifyArtifact(digest, found, signaturePolicy(module, trust?.root ?? null));
}
