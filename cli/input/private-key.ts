import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { GantryError } from '../../shared/base/error.ts';
import { readOptionFile } from './option-files.ts';

/** Reads a private key of cosign or in plain PEM. Asks for the password of an encrypted key. */
export async function readPrivateKey(path: string, option: string): Promise<KeyObject> {
  const pem = await readOptionFile(path, option);
  const { isEncryptedKey, readCosignKey } = await import('../../shared/signature/index.ts');
  return readCosignKey(pem, isEncryptedKey(pem) ? await readPassword() : '');
}

/** Returns the public half, PEM (SPKI), of a file that holds either half. */
export async function readPublicHalf(path: string): Promise<string> {
  const pem = await readOptionFile(path, 'the key');
  if (pem.includes(' PRIVATE KEY-----')) return publicPem(await readPrivateKey(path, 'the key'));

  try {
    return publicPem(createPublicKey(pem));
  } catch (cause) {
    throw new GantryError(
      'key_invalid',
      `expected a public or private key (PEM) in ${path}, found neither`,
      {
        cause,
      },
    );
  }
}

export function publicPem(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  return half.export({ type: 'spki', format: 'pem' }).toString();
}

/**
 * Creates a key pair: the private half at `path`, readable by its owner only, and the public half
 * at `path`.pub. COSIGN_PASSWORD, if set, encrypts the private half.
 */
export async function makeKeyFiles(path: string, type: 'ecdsa' | 'ed25519'): Promise<KeyObject> {
  const { privateKey } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const passphrase = process.env.COSIGN_PASSWORD ?? '';
  const cipher = passphrase === '' ? {} : { cipher: 'aes-256-cbc', passphrase };
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', ...cipher });

  try {
    await writeFile(path, pem, { mode: 0o600, flag: 'wx' });
    await writeFile(`${path}.pub`, publicPem(privateKey), { flag: 'wx' });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const found =
      code === 'EEXIST' ? `${path} or ${path}.pub, which stays as it is` : `an error: ${message}`;
    throw new GantryError('io_error', `expected to write a new key to ${path}, found ${found}`, {
      cause,
    });
  }

  return privateKey;
}

async function readPassword(): Promise<string> {
  const given = process.env.COSIGN_PASSWORD;
  if (given !== undefined) return given;

  if (!process.stdin.isTTY) {
    throw new GantryError(
      'usage',
      'expected the password of the key in COSIGN_PASSWORD, found neither it nor a terminal',
    );
  }

  const prompts = await import('@clack/prompts');
  const answer = await prompts.password({ message: 'Password of the private key' });
  if (prompts.isCancel(answer)) throw new GantryError('usage', 'expected a password, found none');

  return answer ?? '';
}
