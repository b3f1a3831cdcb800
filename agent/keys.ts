import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { GantryError } from '../shared/base/error.ts';
import { readIfPresent, writeAtomic } from './files.ts';
import type { AgentPaths } from './paths.ts';

/** Returns the key that proves that a call comes from this machine (RFC 9449), or makes it. */
export function keepCallKey({ key }: AgentPaths): Promise<KeyObject> {
  return keepKey(key, 'ec', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

/**
 * Returns the public half (32 bytes, base64url) of the key that opens what is sealed to the machine
 * (product.md, section 9). Machines that enrolled before they had one make it now.
 */
export async function keepSealingKey({ sealingKey }: AgentPaths): Promise<string> {
  const key = await keepKey(sealingKey, 'x25519', () => generateKeyPairSync('x25519').privateKey);
  return createPublicKey(key).export({ format: 'jwk' }).x as string;
}

/** Uses the key of a failed enrolment, if one exists, so that no unused key stays on the disk. */
async function keepKey(
  path: string,
  type: 'ec' | 'x25519',
  generate: () => KeyObject,
): Promise<KeyObject> {
  const kept = await readIfPresent(path);
  if (kept !== undefined) return readKey(path, type, kept);

  const privateKey = generate();
  await writeAtomic(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600);
  return privateKey;
}

function readKey(path: string, type: string, pem: Buffer): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === type) return key;
  } catch {
    // It gets the same error as a key of another type.
  }

  throw new GantryError(
    'io_error',
    `Expected a private key of the type ${type} in ${path}, found something else. Remove the file, and the agent makes a new key.`,
    { field: path, expected: type },
  );
}
