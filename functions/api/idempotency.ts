import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { later, nowIso, type Services } from '../../shared/actions/context/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import { sha256Hex } from '../../shared/base/ids.ts';
import { limits } from '../../shared/base/limits/index.ts';
import {
  claimIdempotentRequest,
  finishIdempotentRequest,
  getIdempotentRequest,
  keepAnswer,
  releaseIdempotentRequest,
} from '../../shared/store/http/index.ts';
import { transact } from '../../shared/store/table/index.ts';

export interface KeyedRequest {
  /** The `Idempotency-Key` header. */
  key: string;
  account: string;
  /** Method and path. */
  route: string;
  /** The body as sent. */
  body: string;
  /** The token of the caller. It seals the stored response, which may contain secrets. */
  bearer: string;
}

/** What a keyed request does, and how its result becomes the response. */
interface KeyedWork<Result> {
  /** Gets the services of the request: its `commit` keeps the result with the effect. */
  run: (services: Services) => Promise<Result>;
  present: (result: Result) => unknown;
}

/**
 * Runs a create at most once for each key. A repeated request gets the first response, also if the
 * first one died right after its effect. A create that fails before its effect releases its key.
 * @throws GantryError `idempotency_conflict` for the same key with another body, `conflict` while
 * the first request runs
 */
export async function runOnce<Result>(
  services: Services,
  request: KeyedRequest,
  { run, present }: KeyedWork<Result>,
): Promise<{ answer: unknown; repeated: boolean }> {
  requireKey(request);
  const hash = sha256Hex(
    JSON.stringify([request.account, sha256Hex(request.bearer), request.route, request.key]),
  );

  const request_hash = sha256Hex(request.body);
  const now = nowIso(services);
  const known = await getIdempotentRequest(services.db, hash);

  if (known !== null && known.expires_at > now) {
    requireSameBody(known.request_hash, request_hash);
    if (known.answer !== null) return { answer: unseal(known.answer, request), repeated: true };
  }

  const claimed = { hash, claim: randomUUID() };
  const claimed_until = later(services, limits.idempotencyClaimSeconds);
  const expires_at = later(services, limits.idempotencySeconds);
  const claim = { ...claimed, request_hash, answer: null, claimed_until, expires_at };
  await transact(services.db, [claimIdempotentRequest(claim, now)]);

  // `run` and its actions agree on what a create returns; the store keeps it as JSON.
  const keep = (result: unknown) => [keepAnswer(claimed, seal(present(result as Result), request))];

  try {
    const answer = present(await run({ ...services, keep }));
    await finishIdempotentRequest(services.db, claimed, seal(answer, request));
    return { answer, repeated: false };
  } catch (error) {
    await releaseIdempotentRequest(services.db, claimed);
    throw error;
  }
}

function requireKey({ key }: KeyedRequest): void {
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return;
  throw new GantryError(
    'invalid_request',
    'expected an Idempotency-Key of 1 to 255 printable ASCII characters, found another',
    { field: 'Idempotency-Key' },
  );
}

function requireSameBody(known: string, found: string): void {
  if (known === found) return;
  throw new GantryError(
    'idempotency_conflict',
    'expected the same body for the same Idempotency-Key, found another; use a new key',
    { field: 'Idempotency-Key' },
  );
}

/**
 * Encrypts with AES-256-GCM. The key derives from the token and the Idempotency-Key, so the table
 * alone reveals nothing.
 */
export function seal(answer: unknown, request: Pick<KeyedRequest, 'bearer' | 'key'>): Uint8Array {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(request), nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(answer)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

export function unseal(bytes: Uint8Array, request: Pick<KeyedRequest, 'bearer' | 'key'>): unknown {
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(request), bytes.subarray(0, 12), {
    authTagLength: 16,
  });

  decipher.setAuthTag(bytes.subarray(12, 28));
  return JSON.parse(
    Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString(),
  );
}

function sealingKey({ bearer, key }: Pick<KeyedRequest, 'bearer' | 'key'>): Buffer {
  return Buffer.from(hkdfSync('sha256', bearer, key, 'gantry idempotent answer', 32));
}
