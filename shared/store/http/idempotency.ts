import { GantryError } from '../../base/error.ts';
import { absent, attempt, below, type Db, entity, type Write } from '../table/index.ts';

/**
 * A request with an `Idempotency-Key`. claimed ─▶ kept, in the transaction of its create. A claim
 * of a request that was cut off before lapses at `claimed_until`, the whole record at `expires_at`.
 */
export interface IdempotentRequest {
  /** SHA-256 over account, caller, route and key. */
  hash: string;
  /** SHA-256 of the body: the same key with another body is a mistake. */
  request_hash: string;
  /** The request that runs: one whose claim lapsed can keep no answer any more. */
  claim: string;
  /** The sealed answer; null until the create has happened. */
  answer: Uint8Array | null;
  claimed_until: string;
  expires_at: string;
}

interface StoredRequest extends IdempotentRequest {
  /** Seconds since 1970: DynamoDB removes the row some time after it. */
  ttl: number;
}

const requests = entity<StoredRequest>()({
  name: 'idempotency',
  attributes: {
    hash: 'text',
    request_hash: 'text',
    claim: 'text',
    answer: 'json',
    claimed_until: 'text',
    expires_at: 'text',
    ttl: 'number',
  },
  key: { pk: 'idempotency#${hash}', sk: 'idempotency' },
});

export function getIdempotentRequest(db: Db, hash: string): Promise<IdempotentRequest | null> {
  return requests.get(db, { hash });
}

/** Takes a key: of two concurrent requests, one runs. */
export function claimIdempotentRequest(request: IdempotentRequest, now: string): Write {
  return requests.put(
    { ...request, ttl: Math.ceil(Date.parse(request.expires_at) / 1000) },
    [{ hash: absent }, { answer: null, claimed_until: below(now) }, { expires_at: below(now) }],
    () =>
      new GantryError(
        'conflict',
        'a request with this Idempotency-Key is running; ask again in a moment',
      ),
  );
}

type Claimed = Pick<IdempotentRequest, 'hash' | 'claim'>;

/**
 * Keeps the answer in the transaction of the effect. The effect does not happen if the claim lapsed
 * and another request took it: of the two, one creates.
 */
export function keepAnswer({ hash, claim }: Claimed, answer: Uint8Array): Write {
  return requests.updateWhere({ hash }, { claim, answer: null }, { answer });
}

/** Keeps the final answer, which may say more than the one that was kept with the effect. */
export async function finishIdempotentRequest(
  db: Db,
  { hash, claim }: Claimed,
  answer: Uint8Array,
): Promise<void> {
  await attempt(db, requests.updateWhere({ hash }, { claim }, { answer }));
}

/** Gives a key back after a request that failed before it had an effect. */
export async function releaseIdempotentRequest(db: Db, { hash, claim }: Claimed): Promise<void> {
  await attempt(db, requests.removeWhere({ hash }, { claim, answer: null }));
}
