import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { nowIso, type Services } from '../../shared/actions/context/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import { sha256Hex } from '../../shared/base/ids.ts';
import { limits } from '../../shared/base/limits/index.ts';
import {
  answerIdempotentRequest,
  claimIdempotentRequest,
  getIdempotentRequest,
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

/**
 * Runs a create at most once for each key. A repeated request gets the first response. A create
 * that fails releases its key.
 * @throws GantryError `idempotency_conflict` for the same key with another body, `conflict` while
 * the first request runs
 */
export async function runOnce(
  services: Services,
  request: KeyedRequest,
  run: () => Promise<unknown>,
): Promise<{ answer: unknown; repeated: boolean }> {
  if (!/^[\x21-\x7e]{1,255}$/.test(request.key)) {
    throw new GantryError(
      'invalid_request',
      'expected an Idempotency-Key of 1 to 255 printable ASCII characters, found another',
      {
        field: 'Idempotency-Key',
      },
    );
  }

  const hash = sha256Hex(
    JSON.stringify([request.account, sha256Hex(request.bearer), request.route, request.key]),
  );
  const request_hash = sha256Hex(request.body);
  const now = nowIso(services);
  const known = await getIdempotentRequest(services.db, hash);

  if (known !== null && known.expires_at > now) {
    if (known.request_hash !== request_hash) {
      throw new GantryError(
        'idempotency_conflict',
        'expected the same body for the same Idempotency-Key, found another; use a new key',
        {
          field: 'Idempotency-Key',
        },
      );
    }
    if (known.answer !== null) return { answer: unseal(known.answer, request), repeated: true };
  }

  const after = (seconds: number) =>
    new Date(services.now().getTime() + seconds * 1000).toISOString();
  await transact(services.db, [
    claimIdempotentRequest(
      {
        hash,
        request_hash,
        answer: null,
        claimed_until: after(limits.idempotencyClaimSeconds),
        expires_at: after(limits.idempotencySeconds),
      },
      now,
    ),
  ]);

  let answer: unknown;
  try {
    answer = await run();
  } catch (error) {
    await transact(services.db, [releaseIdempotentRequest(hash)]);
    throw error;
  }

  await transact(services.db, [answerIdempotentRequest(hash, seal(answer, request))]);
  return { answer, repeated: false };
}

/**
 * Encrypts with AES-256-GCM. The key derives from the token and the Idempotency-Key, so the table
 * alone reveals nothing.
 */
export function seal(answer: unknown, request: Pick<KeyedRequest, 'bearer' | 'key'>): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(request), nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(answer)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

export function unseal(text: string, request: Pick<KeyedRequest, 'bearer' | 'key'>): unknown {
  const bytes = Buffer.from(text, 'base64');
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
