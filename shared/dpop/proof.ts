import type { KeyObject } from 'node:crypto';
import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, exportJWK, type JWK, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { CallPlace } from './call-chain.ts';

export interface ProofOptions {
  /** EC P-256 private key. The proof contains its public half. */
  privateKey: KeyObject;
  /** HTTP method of the request. */
  htm: string;
  /** URL of the request; query and fragment are left out of the proof. */
  htu: string;
  /**
   * The credential sent beside the proof. Absent only at enrolment, because it does not exist yet.
   */
  accessToken?: string;
  /** The place of the call in the machine's call chain (call-chain.ts). Absent at enrolment. */
  place?: CallPlace;
  now: Date;
}

/** Makes a DPoP proof (RFC 9449, section 4.2): ES256, the key embedded as `jwk`, a new `jti`. */
export async function makeProof({
  privateKey,
  htm,
  htu,
  accessToken,
  place,
  now,
}: ProofOptions): Promise<string> {
  const { kty, crv, x, y } = await exportJWK(privateKey);
  return await new SignJWT({
    htm,
    htu: dropQuery(htu),
    ...(accessToken === undefined ? {} : { ath: hashCredential(accessToken) }),
    ...(place === undefined ? {} : { attempt: place.attempt }),
    ...(place === undefined || place.nonce === null ? {} : { nonce: place.nonce }),
  })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } as JWK })
    .setJti(randomUUID())
    .setIssuedAt(Math.floor(now.getTime() / 1000))
    .sign(privateKey);
}

export interface ExpectedRequest {
  htm: string;
  /** The public URL that the client calls, not the one behind a proxy. */
  htu: string;
  /** The credential that came with the proof, if the request needs one. */
  accessToken?: string;
  now: Date;
  /** RFC 7638 thumbprint of the key that the credential is bound to. Absent only at enrolment. */
  expectedThumbprint?: string;
}

export interface ProofClaims {
  /** RFC 7638 SHA-256 thumbprint of the key that made the proof, base64url. */
  thumbprint: string;
  /**
   * Unique to the proof. The caller stores it for twice `limits.dpopWindowMs` and refuses it a
   * second time.
   */
  jti: string;
  /** Seconds since 1970. */
  iat: number;
  place: CallPlace;
}

const embeddedKey = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  /** The private half. RFC 9449 forbids it: a client that leaks its key must be refused. */
  d: z.never().optional(),
});
const claims = z.object({
  jti: z.string().min(1).max(128),
  htm: z.string(),
  htu: z.string(),
  iat: z.int(),
  ath: z.string().optional(),
  nonce: z.string().max(200).nullable().default(null),
  attempt: z.int().min(1).default(1),
});

/**
 * Checks a proof by RFC 9449, section 4.3: one compact JWT of type `dpop+jwt`, ES256 with an
 * embedded public P-256 key, method, URL, time window and credential hash. The caller must refuse a
 * replay (`jti`).
 * @throws GantryError `dpop_invalid`
 */
export async function checkProof(proof: string, expected: ExpectedRequest): Promise<ProofClaims> {
  const { payload, jwk } = await verifySignature(proof);
  const parsed = claims.safeParse(payload);
  if (!parsed.success)
    throw proofError(
      `its claim ${parsed.error.issues[0]?.path.join('.')} is missing or has the wrong type`,
    );

  const { jti, htm, htu, iat, ath, nonce, attempt } = parsed.data;
  if (htm !== expected.htm)
    throw proofError(`it is for the method ${htm}, the request is a ${expected.htm}`);
  if (!isSameUrl(htu, expected.htu))
    throw proofError(`it is for ${htu}, the request went to ${dropQuery(expected.htu)}`);

  const age = expected.now.getTime() - iat * 1000;
  if (Math.abs(age) > limits.dpopWindowMs) {
    throw proofError(
      `it was made ${Math.round(age / 1000)} s ago, at most ${limits.dpopWindowMs / 1000} s either way are allowed; it is ${expected.now.toISOString()} here`,
    );
  }

  if (expected.accessToken !== undefined && ath !== hashCredential(expected.accessToken)) {
    throw proofError(
      ath === undefined
        ? 'it lacks the hash of the credential (ath)'
        : 'its ath is of another credential',
    );
  }

  const thumbprint = await calculateJwkThumbprint(jwk, 'sha256');
  if (expected.expectedThumbprint !== undefined && thumbprint !== expected.expectedThumbprint) {
    throw proofError('it was made with another key than the credential is bound to');
  }

  return { thumbprint, jti, iat, place: { nonce, attempt } };
}

async function verifySignature(proof: string): Promise<{ payload: unknown; jwk: JWK }> {
  if (proof.length > limits.dpopProofBytesMax)
    throw proofError(`it has ${proof.length} characters`);

  let verified: Awaited<ReturnType<typeof jwtVerify>>;
  try {
    // checkProof compares times with the caller's clock. `exp` and `nbf` have no meaning in a
    // proof.
    verified = await jwtVerify(proof, EmbeddedJWK, { algorithms: ['ES256'], typ: 'dpop+jwt' });
  } catch (cause) {
    throw proofError((cause as Error).message, cause);
  }

  const jwk = embeddedKey.safeParse(verified.protectedHeader.jwk);
  if (!jwk.success) throw proofError('its embedded key must be a public P-256 key');

  const { kty, crv, x, y } = jwk.data;
  return { payload: verified.payload, jwk: { kty, crv, x, y } };
}

function proofError(why: string, cause?: unknown): GantryError {
  return new GantryError('dpop_invalid', `The DPoP proof is refused: ${why}.`, { cause });
}

function isSameUrl(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && dropQuery(a) === dropQuery(b);
}

function dropQuery(url: string): string {
  const parsed = new URL(url);
  parsed.search = '';
  parsed.hash = '';
  return parsed.href;
}

/**
 * Hashes a credential as RFC 9449, section 4.2 demands: base64url of the SHA-256 of its ASCII form.
 */
function hashCredential(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('base64url');
}
