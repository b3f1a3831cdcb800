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
import { ASN1Obj } from '@sigstore/core';
import { GantryError } from '../base/error.ts';
import { type PemBlock, readPemBlocks } from './pem.ts';

/** A public key that a policy trusts. */
export interface TrustedKey {
  key: KeyObject;
  /** The key hint of cosign: base64(sha256(SPKI)). */
  hint: string;
}

const rsaBitsMin = 2048;

/**
 * Checks a public key that somebody registers. It has the one encoding that cosign writes: a curve
 * whose parameters are spelled out has another hint, so no signature would ever name the key.
 * @throws GantryError `key_invalid`
 */
export function checkPublicKey(pem: string, field?: string): TrustedKey {
  const read = readPublicKey(pem, field);
  const [, parameters] = ASN1Obj.parseBuffer(Buffer.from(encodeSpki(read.key))).subs[0]?.subs ?? [];
  if (read.key.asymmetricKeyType !== 'ec' || parameters?.tag.isOID()) return read;

  throw keyInvalidError(
    'an EC key with explicit parameters; convert it by "openssl ec -pubin -in <file> -param_enc named_curve -pubout"',
    field,
  );
}

/**
 * Parses a public key of a policy: PEM (SPKI) of ECDSA P-256 or P-384, Ed25519, or RSA with at
 * least 2048 bits.
 * @throws GantryError `key_invalid`
 */
export function readPublicKey(pem: string, field?: string): TrustedKey {
  // createPublicKey also accepts private keys and certificates, which do not belong in a policy. Of
  // two keys cosign reads the first and the author may mean the second.
  const [block, ...others] = readPemBlocks(pem);
  if (block === undefined || block.label !== 'PUBLIC KEY')
    throw keyInvalidError(describeText(pem, block), field);
  if (others.length > 0) {
    const found = `${others.length + 1} PEM blocks in one text; write each key into a text of its own`;
    throw keyInvalidError(found, field);
  }

  let key: KeyObject;
  try {
    key = createPublicKey({ key: block.der, format: 'der', type: 'spki' });
  } catch (cause) {
    throw keyInvalidError('bytes that do not decode', field, cause);
  }

  if (findKeyKind(key) === null) throw keyInvalidError(describeKey(key), field);
  return { key, hint: hashKey(key) };
}

function keyInvalidError(found: string, field?: string, cause?: unknown): GantryError {
  return new GantryError(
    'key_invalid',
    `expected a public key in PEM (ECDSA P-256 or P-384, Ed25519, RSA of ${rsaBitsMin} bits or more), found ${found}`,
    { found, cause, ...(field === undefined ? {} : { field }) },
  );
}

/** Says what a text is that has no block of a public key first. */
function describeText(pem: string, block: PemBlock | undefined): string {
  const begun = block?.label ?? /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1];
  if (begun === undefined) return 'a text without a PEM block';

  const label = begun.toLowerCase();
  return block === undefined
    ? `a PEM block "${label}" that is cut short, has headers, or does not begin its line`
    : `a PEM block "${label}"`;
}

/** Returns the name that cosign gives a key: base64(sha256(SPKI)). */
export function hashKey(key: KeyObject): string {
  return createHash('sha256').update(encodeSpki(key)).digest('base64');
}

/** Encodes a key as DER, to compare keys. */
export function encodeSpki(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

/**
 * Verifies a signature with the hash that Sigstore prescribes for the key: SHA-256 for P-256 and
 * RSA (PKCS #1 v1.5 or PSS), SHA-384 for P-384, none for Ed25519 (SHA-512 for Ed25519ph). Returns
 * false for other keys and for malformed signatures.
 */
export function verifyBytes(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  const kind = findKeyKind(key);
  if (kind === null) return false;

  try {
    if (verify(hashOf[kind], data, key, signature)) return true;
    // No signature verifies under two of these schemes, so it is safe to try each.
    if (kind === 'rsa')
      return verify(hashOf.rsa, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING }, signature);

    return (
      kind === 'ed25519' && ed25519ph.verify(signature, data, encodePoint(key), { zip215: false })
    );
  } catch {
    return false;
  }
}

/** The DER of `DigestInfo` up to the SHA-256 digest (RFC 8017, §9.2). */
const sha256DigestInfo = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * Verifies a signature over bytes whose SHA-256 digest is known, but not the bytes. Returns false
 * for RSA-PSS and for keys with another hash. Node's crypto always hashes its input, so a library
 * verifies P-256.
 */
export function verifyDigest(key: KeyObject, sha256: Uint8Array, signature: Uint8Array): boolean {
  try {
    switch (findKeyKind(key)) {
      case 'p256':
        return p256.verify(signature, sha256, encodePoint(key), {
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

/** The hash that each kind of key signs; null where the algorithm hashes by itself. */
export const hashOf = {
  p256: 'sha256',
  p384: 'sha384',
  rsa: 'sha256',
  rsaPss: 'sha256',
  ed25519: null,
} as const;

/**
 * Returns the kind of a key, or null for unsupported keys and for RSA keys that others could forge
 * signatures for.
 */
export function findKeyKind(key: KeyObject): keyof typeof hashOf | null {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (key.asymmetricKeyType === 'rsa') return isStrongRsa(key) ? 'rsa' : null;
  if (key.asymmetricKeyType === 'rsa-pss') return isStrongRsa(key) ? 'rsaPss' : null;
  if (key.asymmetricKeyType !== 'ec') return null;

  const curve = key.asymmetricKeyDetails?.namedCurve;
  return curve === 'prime256v1' ? 'p256' : curve === 'secp384r1' ? 'p384' : null;
}

/**
 * With the exponent 1 a signature is the padded digest itself, which anyone can write. An even
 * exponent is not RSA. Go accepts at most 31 bits.
 */
function isStrongRsa({ asymmetricKeyDetails }: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {};
  return (
    modulusLength >= rsaBitsMin &&
    publicExponent > 1n &&
    publicExponent % 2n === 1n &&
    publicExponent < 2n ** 31n
  );
}

/** Encodes the point of a key, uncompressed for P-256. */
function encodePoint(key: KeyObject): Uint8Array {
  const { x = '', y } = key.export({ format: 'jwk' });
  const parts = [x, ...(y === undefined ? [] : [y])].map((part) => Buffer.from(part, 'base64url'));
  return new Uint8Array(Buffer.concat(y === undefined ? parts : [Buffer.from([4]), ...parts]));
}

function describeKey(key: KeyObject): string {
  const { namedCurve, modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  const exponent = publicExponent === undefined ? '' : ` with exponent ${publicExponent}`;
  return `a key of type ${[key.asymmetricKeyType, namedCurve ?? modulusLength].filter(Boolean).join(' ')}${exponent}`;
}
