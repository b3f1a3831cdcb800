import { GantryError } from '../../base/error.ts';
import { absent, below, type Db, entity, type Write } from '../table/index.ts';

/**
 * A request with an `Idempotency-Key`. claimed ─▶ answered; a claim whose request was cut off
 * lapses at `claimed_until`, the whole record at `expires_at`.
 */
export interface IdempotentRequest {
  /** SHA-256 over account, caller, route and key. */
  hash: string;
  /** SHA-256 of the body: the same key with another body is a mistake. */
  request_hash: string;
  /** The sealed answer; null while the request runs. */
  answer: string | null;
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

export function answerIdempotentRequest(hash: string, answer: string): Write {
  return requests.adjust({ hash }, { set: { answer } });
}

/** Gives a key back after a request that failed and changed nothing. */
export function releaseIdempotentRequest(hash: string): Write {
  return requests.removeWhere({ hash });
}
