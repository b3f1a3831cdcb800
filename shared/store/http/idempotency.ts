import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import {
  change,
  type Db,
  json,
  key,
  number,
  read,
  remove,
  service,
  text,
  type Write,
} from '../db.ts';

/**
 * A request that carried an `Idempotency-Key`. claimed ─▶ answered; a claim whose request was cut off lapses at
 * `claimed_until`, the whole record at `expires_at`.
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

const requests = new Entity(
  {
    model: { entity: 'idempotency', version: '1', service },
    attributes: {
      hash: text,
      request_hash: text,
      answer: json<string | null>(),
      claimed_until: text,
      expires_at: text,
      /** Seconds since 1970: DynamoDB removes the row some time after it. */
      ttl: number,
    },
    indexes: {
      primary: { pk: key('pk', ['hash'], 'idempotency#${hash}'), sk: key('sk', [], 'idempotency') },
    },
  } as const,
  { table: 'table' },
);

export function getIdempotentRequest(db: Db, hash: string): Promise<IdempotentRequest | null> {
  return read(db, requests, requests.get({ hash }).params());
}

/** Takes a key: of two requests at once, one runs. */
export function claimIdempotentRequest(request: IdempotentRequest, now: string): Write {
  return change(
    requests
      .put({ ...request, ttl: Math.ceil(Date.parse(request.expires_at) / 1000) } as never)
      .where(({ hash, answer, claimed_until, expires_at }, { notExists, eq, lt }) => {
        const lapsed = `(${eq(answer as never, null as never)} AND ${lt(claimed_until, now)})`;
        return `(${notExists(hash)} OR ${lapsed} OR ${lt(expires_at, now)})`;
      })
      .params(),
    () =>
      new GantryError(
        'conflict',
        'a request with this Idempotency-Key is running; ask again in a moment',
      ),
  );
}

export function answerIdempotentRequest(hash: string, answer: string): Write {
  return change(
    requests
      .patch({ hash })
      .set({ answer } as never)
      .params(),
  );
}

/** Gives a key back after a request that failed and changed nothing. */
export function releaseIdempotentRequest(hash: string): Write {
  return remove(requests.delete({ hash }).params());
}
