import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';
import { Key } from '@tufjs/models';
import { GantryError } from '../base/error.ts';

/**
 * Makes a TUF key of a public key (PEM, SPKI): ECDSA P-256 or Ed25519. Its id is the SHA-256 of the
 * key's canonical JSON (TUF 1.0.34, section 4.2), so the same key has the same id in every file and
 * every implementation.
 * @throws GantryError `key_invalid`
 */
export function tufKey(publicKeyPem: string): Key {
  const json = keyJson(readPublicKey(publicKeyPem));
  return Key.fromJSON(createHash('sha256').update(canonicalize(json)).digest('hex'), json);
}

/**
 * Returns the public key (PEM, SPKI) of a TUF key.
 * @throws GantryError `key_invalid` when it has another type or cannot be read
 */
export function publicKeyOf({ keyType, keyVal }: Key): string {
  const text = keyVal.public ?? '';
  if (keyType !== 'ed25519') return formatPem(readPublicKey(text));

  const key = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(text, 'hex').toString('base64url') };
  try {
    return formatPem(createPublicKey({ key, format: 'jwk' }));
  } catch (cause) {
    throw new GantryError(
      'key_invalid',
      'An Ed25519 key must be 64 hex digits, found something else.',
      { cause },
    );
  }
}

/**
 * The only JSON form of a key. With two forms, one key would have two ids and count twice towards a
 * threshold.
 */
function keyJson(key: KeyObject) {
  if (key.asymmetricKeyType === 'ed25519') {
    const { x = '' } = key.export({ format: 'jwk' });
    const hex = Buffer.from(x, 'base64url').toString('hex');
    return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: hex } };
  }
  return { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: formatPem(key) } };
}

function formatPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

const publicPem = /^\s*-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\s*$/;

function readPublicKey(publicKeyPem: string): KeyObject {
  // createPublicKey also takes a private key, which must not come to the control plane.
  if (!publicPem.test(publicKeyPem)) {
    const found = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(publicKeyPem)?.[1]?.toLowerCase();
    throw notPublic(found ?? 'something else');
  }

  let key: KeyObject;
  try {
    key = createPublicKey(publicKeyPem);
  } catch (cause) {
    throw notPublic('bytes that do not decode', cause);
  }

  const found = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType;
  if (found === 'prime256v1' || found === 'ed25519') return key;

  throw new GantryError(
    'key_invalid',
    `A root key must be ECDSA P-256 or Ed25519, found ${found ?? 'no key'}.`,
    {
      expected: ['prime256v1', 'ed25519'],
      found,
    },
  );
}

function notPublic(found: string, cause?: unknown): GantryError {
  const message = `A root key must be a PEM public key (SPKI), found ${found}.`;
  return new GantryError('key_invalid', message, { found, cause });
}
