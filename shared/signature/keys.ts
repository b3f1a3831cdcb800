import {
  constants,
  createHash,
  createPublicKey,
  type KeyObject,
  publicDecrypt,
  verify,
} from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { GantryError } from '../base/error.ts';

/** A public key that a policy trusts. */
export interface TrustedKey {
  key: KeyObject;
  /** base64(sha256(SPKI)), cosign's key hint. */
  hint: string;
}

const rsaBitsMin = 2048;

/**
 * Parses a public key as policies hold it: PEM, SPKI; ECDSA P-256 or P-384, Ed25519, RSA of at least 2048 bits.
 * @throws GantryError `key_invalid`
 */
export function checkPublicKey(pem: string, field?: string): TrustedKey {
  const invalid = (found: string, cause?: unknown) =>
    new GantryError(
      'key_invalid',
      `expected a public key in PEM (ECDSA P-256 or P-384, Ed25519, RSA of ${rsaBitsMin} bits or more), found ${found}`,
      { found, cause, ...(field === undefined ? {} : { field }) },
    );
  // createPublicKey would also take private keys and certificates; neither belongs into a policy.
  if (!/^\s*-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\s*$/.test(pem)) {
    throw invalid(/-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1]?.toLowerCase() ?? 'something else');
  }
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw invalid('something that does not decode', cause);
  }
  if (keyKind(key) === null) throw invalid(describeKey(key));
  return { key, hint: keyHint(key) };
}

/** base64(sha256(SPKI)): how cosign names a key. */
export function keyHint(key: KeyObject): string {
  return createHash('sha256').update(spki(key)).digest('base64');
}

/** The key in DER, for comparing keys. */
export function spki(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

/**
 * Verifies a signature with the hash that Sigstore prescribes for the key: SHA-256 for P-256 and RSA (PKCS #1 v1.5 or PSS),
 * SHA-384 for P-384, none before Ed25519 (SHA-512 before Ed25519ph). False for every other kind of key and for malformed
 * signatures.
 */
export function verifyBytes(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  const kind = keyKind(key);
  if (kind === null) return false;
  try {
    if (verify(hashOf[kind], data, key, signature)) return true;
    // A padding or a prehash of its own: none of these can be taken for another, so each may be tried.
    if (kind === 'rsa')
      return verify(hashOf.rsa, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING }, signature);
    return (
      kind === 'ed25519' && ed25519ph.verify(signature, data, rawPoint(key), { zip215: false })
    );
  } catch {
    return false;
  }
}

/** DER of `DigestInfo` up to the SHA-256 digest, RFC 8017, §9.2. */
const sha256DigestInfo = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * Verifies a signature over bytes of which only the SHA-256 digest is known. False for keys that hash otherwise, and for
 * RSA-PSS. Node's crypto hashes what it is given, so this one curve is computed elsewhere.
 */
export function verifyDigest(key: KeyObject, sha256: Uint8Array, signature: Uint8Array): boolean {
  try {
    switch (keyKind(key)) {
      case 'p256':
        return p256.verify(signature, sha256, rawPoint(key), {
          prehash: false,
          format: 'der',
          lowS: false,
        });
      case 'rsa':
        return publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature).equals(
          Buffer.concat([sha256DigestInfo, sha256]),
        );
      default:
        return false;
    }
  } catch {
    return false;
  }
}

/** The hash that is signed with a kind of key; null where the algorithm hashes by itself. */
export const hashOf = {
  p256: 'sha256',
  p384: 'sha384',
  rsa: 'sha256',
  rsaPss: 'sha256',
  ed25519: null,
} as const;

/** null for kinds of keys that signatures are not taken from, and for RSA keys that others could sign for. */
export function keyKind(key: KeyObject): keyof typeof hashOf | null {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (key.asymmetricKeyType === 'rsa') return isStrongRsa(key) ? 'rsa' : null;
  if (key.asymmetricKeyType === 'rsa-pss') return isStrongRsa(key) ? 'rsaPss' : null;
  if (key.asymmetricKeyType !== 'ec') return null;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return curve === 'prime256v1' ? 'p256' : curve === 'secp384r1' ? 'p384' : null;
}

/** With the exponent 1 a signature is the padded digest itself, which anybody can write; even ones are no RSA. Go's are at most 31 bits. */
function isStrongRsa({ asymmetricKeyDetails }: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {};
  return (
    modulusLength >= rsaBitsMin &&
    publicExponent > 1n &&
    publicExponent % 2n === 1n &&
    publicExponent < 2n ** 31n
  );
}

/** The key's point, uncompressed where it is of P-256. */
function rawPoint(key: KeyObject): Uint8Array {
  const { x = '', y } = key.export({ format: 'jwk' });
  const parts = [x, ...(y === undefined ? [] : [y])].map((part) => Buffer.from(part, 'base64url'));
  return new Uint8Array(Buffer.concat(y === undefined ? parts : [Buffer.from([4]), ...parts]));
}

function describeKey(key: KeyObject): string {
  const { namedCurve, modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  const exponent = publicExponent === undefined ? '' : ` with exponent ${publicExponent}`;
  return `a key of type ${[key.asymmetricKeyType, namedCurve ?? modulusLength].filter(Boolean).join(' ')}${exponent}`;
}
