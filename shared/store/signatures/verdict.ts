import { Entity } from 'electrodb';
import type { ArtifactVerdict } from '../../domain/signatures/index.ts';
import { type Db, json, key, number, putIfAbsent, read, service, text } from '../db.ts';

/**
 * What a verdict depends on, and nothing else: later signatures are other evidence, so that no refusal outlives what it was
 * made of; another account has its own.
 */
export interface VerdictKey {
  account: string;
  /** `sha256:<hex>` of the artifact's manifest. */
  digest: string;
  policy_version: string;
  trust_root_version: string;
  /** SHA-256 of the signatures that were judged, in their order. */
  evidence_sha256: string;
  /** Of the rules by which signatures are judged. */
  rules: number;
}

const verdicts = new Entity(
  {
    model: { entity: 'verdict', version: '1', service },
    attributes: {
      account: text,
      digest: text,
      policy_version: text,
      trust_root_version: text,
      evidence_sha256: text,
      rules: number,
      verdict: json<ArtifactVerdict>(),
      /** Seconds since 1970: DynamoDB removes the row some time after it. */
      ttl: number,
    },
    indexes: {
      primary: {
        pk: key('pk', ['account', 'digest'], '${account}#verdict#${digest}'),
        sk: key(
          'sk',
          ['policy_version', 'trust_root_version', 'evidence_sha256', 'rules'],
          '${policy_version}#${trust_root_version}#${evidence_sha256}#${rules}',
        ),
      },
    },
  } as const,
  { table: 'table' },
);

/** The verdict that was made of just this, or null. */
export async function getVerdict(db: Db, of: VerdictKey): Promise<ArtifactVerdict | null> {
  const row = await read<{ verdict: ArtifactVerdict }>(db, verdicts, verdicts.get(of).params());
  return row?.verdict ?? null;
}

/** Remembers a verdict until a time, in seconds since 1970; who made it first is not replaced. */
export async function putVerdict(
  db: Db,
  of: VerdictKey,
  verdict: ArtifactVerdict,
  until: number,
): Promise<void> {
  await putIfAbsent(db, verdicts.create({ ...of, verdict, ttl: until } as never).params());
}
