import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import {
  type Module,
  needsPublicRoot,
  signaturePolicy,
  type Version,
} from '../../domain/modules/index.ts';
import {
  type ArtifactVerdict,
  type FoundSignature,
  truncateVerdicts,
  type Verification,
} from '../../domain/signatures/index.ts';
import { verdictRules, verifyArtifact } from '../../signature/index.ts';
import { getVerdict, putVerdict } from '../../store/signatures/index.ts';
import type { Services } from '../context/index.ts';
import { publicTrustRoot } from './sigstore-trust-root.ts';

/** What signatures are verified against. */
export interface VerifiedArtifact {
  /** Of its manifest or index. */
  digest: string;
  /** Digests of the manifests that an index lists, as far as the caller knows them. */
  builds: readonly string[];
}

/** What the signatures of a version are verified against. */
export function verifiedArtifact({ digest, builds }: Version): VerifiedArtifact {
  const digests = builds.map(({ manifest_digest }) => manifest_digest);
  return { digest, builds: digests.filter((build) => build !== digest) };
}

/** A verification, and whether the trust root behind it is fresh. */
export interface DatedVerification extends Verification {
  /**
   * False if the trust root is overdue for a refresh, or is the copy that came with the release.
   */
  fresh: boolean;
}

/**
 * Verifies an artifact's signatures by the policy of its module's row, as read, and by the newest
 * trust root. It uses a stored verdict on the same signatures by the same policy, trust root and
 * rules.
 */
export async function verifySignatures(
  services: Services,
  module: Module,
  artifact: VerifiedArtifact,
  found: FoundSignature[],
): Promise<DatedVerification> {
  const { digest, builds } = artifact;
  const trust = needsPublicRoot(module) ? await publicTrustRoot(services) : null;
  const now = services.now();

  const made = {
    policy_version: module.policy_version,
    trust_root_version: trust?.version ?? 'none',
    fresh:
      trust === null ||
      (trust.fresh_until !== null && Date.parse(trust.fresh_until) > now.getTime()),
  };

  const key = {
    account: module.account,
    digest,
    policy_version: made.policy_version,
    trust_root_version: made.trust_root_version,
    found_signatures_sha256: sha256Hex(
      JSON.stringify(builds.length === 0 ? found : [found, builds]),
    ),
    rules: verdictRules,
  };

  const known = await getVerdict(services.db, key);
  if (known !== null) return { verdict: known, ...made };

  const full = verifyArtifact(digest, found, signaturePolicy(module, trust?.root ?? null), builds);
  const verdict = { ...full, signatures: truncateVerdicts(full.signatures) };
  const until = Math.ceil(now.getTime() / 1000) + limits.verdictRememberSeconds;

  await putVerdict(services.db, key, verdict, until);
  return { verdict, ...made };
}

/**
 * Verifies as `verifySignatures` does, but neither stores nor uses stored verdicts, because write
 * access to the table must not be enough to let an artifact in.
 */
export async function verifySignaturesUncached(
  services: Services,
  module: Module,
  { digest, builds }: VerifiedArtifact,
  found: FoundSignature[],
): Promise<ArtifactVerdict> {
  const trust = needsPublicRoot(module) ? await publicTrustRoot(services) : null;
  return verifyArtifact(digest, found, signaturePolicy(module, trust?.root ?? null), builds);
}
