import { createPublicKey, hash } from 'node:crypto';

/** The SHA-256 of a public key (SPKI, DER) in base64, as cosign's key hint has it. */
export function keyIdOf(pem: string): string {
  try {
    return hash('sha256', createPublicKey(pem).export({ type: 'spki', format: 'der' }), 'base64');
  } catch {
    return 'a key that cannot be read';
  }
}
