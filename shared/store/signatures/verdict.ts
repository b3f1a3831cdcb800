import type { ArtifactVerdict } from '../../domain/signatures/index.ts';
import { attempt, type Db, entity } from '../table/index.ts';

/**
 * Everything that a verdict depends on. Later signatures are other found signatures, so a refusal
 * never outlives the signatures it was made from; another account has its own verdicts.
 */
export interface VerdictKey {
  account: string;
  /** `sha256:<hex>` of the artifact's manifest. */
  digest: string;
  policy_version: string;
  trust_root_version: string;
  /** SHA-256 of the signatures that were judged, in their order. */
  found_signatures_sha256: string;
  /** Version of the rules by which signatures are judged. */
  rules: number;
}

interface KeptVerdict extends VerdictKey {
  verdict: ArtifactVerdict;
  /** Seconds since 1970: DynamoDB removes the row some time after it. */
  ttl: number;
}

const verdicts = entity<KeptVerdict>()({
  name: 'verdict',
  attributes: {
    account: 'text',
    digest: 'text',
    policy_version: 'text',
    trust_root_version: 'text',
    found_signatures_sha256: 'text',
    rules: 'number',
    verdict: 'json',
    ttl: 'number',
  },
  key: {
    pk: '${account}#verdict#${digest}',
    sk: '${policy_version}#${trust_root_version}#${found_signatures_sha256}#${rules}',
  },
});

/** The verdict that was made from exactly this, or null. */
export async function getVerdict(db: Db, of: VerdictKey): Promise<ArtifactVerdict | null> {
  return (await verdicts.get(db, of))?.verdict ?? null;
}

/** Remembers a verdict until a time, in seconds since 1970; an earlier one is not replaced. */
export async function putVerdict(
  db: Db,
  of: VerdictKey,
  verdict: ArtifactVerdict,
  until: number,
): Promise<void> {
  await attempt(db, verdicts.create({ ...of, verdict, ttl: until }));
}
