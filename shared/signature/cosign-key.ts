import { createPrivateKey, type KeyObject, scryptSync } from 'node:crypto';
import nacl from 'tweetnacl';
import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import { findKeyKind } from './keys.ts';

// The format of go-securesystemslib/encrypted, which cosign uses for its key files.
const encryptedKey = z.looseObject({
  kdf: z.looseObject({
    name: z.literal('scrypt'),
    params: z.looseObject({
      N: z
        .number()
        .int()
        .min(2)
        .max(2 ** 20),
      r: z.number().int().min(1).max(32),
      p: z.number().int().min(1).max(16),
    }),
    salt: z.base64(),
  }),
  cipher: z.looseObject({ name: z.literal('nacl/secretbox'), nonce: z.base64() }),
  ciphertext: z.base64(),
});

/** True for a key that needs a password (`ENCRYPTED …`). The password may be empty. */
export function isEncryptedKey(pem: string): boolean {
  return /-----BEGIN ENCRYPTED (SIGSTORE |COSIGN |)PRIVATE KEY-----/.test(pem);
}

/**
 * Reads a private key: cosign's `ENCRYPTED SIGSTORE PRIVATE KEY` (`ENCRYPTED COSIGN …` in older
 * files), or plain PEM.
 * @throws GantryError `key_password_wrong`, `key_invalid`
 */
export function readCosignKey(pem: string, password: string): KeyObject {
  const body = /-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----([^-]+)-----END/.exec(
    pem,
  )?.[1];
  const key = body === undefined ? parsePlainKey(pem, password) : decryptKey(body, password);

  if (findKeyKind(key) === null) {
    throw invalid(
      `a key of type ${key.asymmetricKeyType} ${key.asymmetricKeyDetails?.namedCurve ?? ''}`.trim(),
    );
  }

  return key;
}

function parsePlainKey(pem: string, password: string): KeyObject {
  try {
    return createPrivateKey({
      key: pem,
      format: 'pem',
      ...(isEncryptedKey(pem) ? { passphrase: password } : {}),
    });
  } catch (cause) {
    if (isEncryptedKey(pem)) throw wrongPassword(cause);
    const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1]?.toLowerCase();
    const found =
      label === undefined
        ? 'a text without a PEM block'
        : `a PEM block "${label}" that does not decode as one`;
    throw invalid(found, cause);
  }
}

function decryptKey(body: string, password: string): KeyObject {
  let file: z.output<typeof encryptedKey>;
  try {
    file = encryptedKey.parse(JSON.parse(Buffer.from(body, 'base64').toString('utf8')));
  } catch (cause) {
    throw invalid('an encrypted key in another format', cause);
  }

  const { salt, params } = file.kdf;
  const { N, r, p } = params;

  const secret = scryptSync(password, Buffer.from(salt, 'base64'), nacl.secretbox.keyLength, {
    N,
    r,
    p,
    maxmem: 128 * N * r + 128 * r * p + 1024 ** 2,
  });

  const nonce = Buffer.from(file.cipher.nonce, 'base64');
  if (nonce.length !== nacl.secretbox.nonceLength)
    throw invalid('an encrypted key with a nonce of the wrong length');

  const der = nacl.secretbox.open(Buffer.from(file.ciphertext, 'base64'), nonce, secret);
  if (der === null) throw wrongPassword();

  try {
    return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw invalid('bytes that do not decode', cause);
  }
}

function wrongPassword(cause?: unknown): GantryError {
  return new GantryError('key_password_wrong', 'the password does not open the private key', {
    cause,
  });
}

function invalid(found: string, cause?: unknown): GantryError {
  const expected =
    "a private key in cosign's format or in plain PEM (ECDSA P-256 or P-384, Ed25519, RSA)";
  return new GantryError('key_invalid', `expected ${expected}, found ${found}`, { found, cause });
}
