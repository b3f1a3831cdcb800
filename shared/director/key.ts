import { createHash, createPublicKey } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';
import { Key } from '@tufjs/models';
import { GantryError } from '../error.ts';

/**
 * A TUF key from an ECDSA P-256 public key (PEM, SPKI). Its id is the SHA-256 of the key's canonical JSON (TUF 1.0.34,
 * section 4.2), so the same key has the same id in every metadata file and under every implementation.
 */
export function directorKey(publicKeyPem: string): Key {
  const pem = normalisedPem(publicKeyPem);
  const json = { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: pem } };
  return Key.fromJSON(keyIdOf(json), json);
}

/** The id that a key's own JSON gives it. */
export function keyIdOf(keyJson: unknown): string {
  return createHash('sha256').update(canonicalize(keyJson)).digest('hex');
}

/** One text for one key, whatever line ends or padding the caller's PEM had. */
function normalisedPem(publicKeyPem: string): string {
  try {
    const key = createPublicKey(publicKeyPem);
    const curve = key.asymmetricKeyDetails?.namedCurve;
    if (curve === 'prime256v1') return key.export({ type: 'spki', format: 'pem' }).toString();
    throw new GantryError(
      'key_invalid',
      `A director key must be ECDSA P-256, found ${curve ?? key.asymmetricKeyType ?? 'no key'}.`,
      { expected: 'prime256v1', found: curve ?? key.asymmetricKeyType },
    );
  } catch (cause) {
    if (cause instanceof GantryError) throw cause;
    throw new GantryError('key_invalid', 'A director key must be a PEM public key (SPKI), found something else.', {
      cause,
    });
  }
}
