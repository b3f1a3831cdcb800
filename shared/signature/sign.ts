import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { GantryError } from '../base/error.ts';
import { preAuthenticationEncoding, statementPayloadType } from './bundle.ts';
import { findKeyKind, hashKey, hashOf } from './keys.ts';
import { signStatement } from './statement.ts';

/**
 * A Sigstore bundle v0.3 by a plain key, without log entry and timestamp, as `cosign sign --key` 3
 * writes it.
 */
export interface KeyedBundle {
  mediaType: string;
  verificationMaterial: { publicKey: { hint: string } };
  dsseEnvelope: { payload: string; payloadType: string; signatures: [{ sig: string }] };
}

/**
 * Signs the digest of an artifact as cosign 3 does: an in-toto statement of cosign's sign type in a
 * DSSE envelope.
 * @param options.digest `sha256:<hex>` of the artifact's manifest
 * @param options.key a private key, see `readCosignKey`
 * @throws GantryError `key_invalid`
 */
export function signArtifact(options: {
  digest: string;
  key: KeyObject;
  annotations?: Record<string, string>;
}): KeyedBundle {
  const { payload } = signStatement(options.digest, options.annotations);
  return signPayload(payload, options.key);
}

/**
 * Signs a statement in a DSSE envelope.
 * @param key a private key, see `readCosignKey`
 * @throws GantryError `key_invalid`
 */
export function signPayload(payload: Buffer, key: KeyObject): KeyedBundle {
  const signature = signBytes(preAuthenticationEncoding(statementPayloadType, payload), key);
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: hashKey(createPublicKey(key)) } },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: statementPayloadType,
      signatures: [{ sig: signature.toString('base64') }],
    },
  };
}

/**
 * Signs bytes with the hash that Sigstore prescribes for the key.
 * @throws GantryError `key_invalid`
 */
export function signBytes(bytes: Buffer, key: KeyObject): Buffer {
  const kind = findKeyKind(key);
  if (kind === null || key.type !== 'private') {
    throw new GantryError(
      'key_invalid',
      'expected a private key: ECDSA P-256 or P-384, Ed25519 or RSA',
    );
  }

  return sign(hashOf[kind], bytes, key);
}
