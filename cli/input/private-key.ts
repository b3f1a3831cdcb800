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
 * at `path`.pub. The password in COSIGN_PASSWORD, or else from the terminal, encrypts the private
 * half; an empty one leaves it in plain text.
 */
export async function makeKeyFiles(
  path: string,
  type: 'ecdsa' | 'ed25519',
): Promise<{ key: KeyObject; encrypted: boolean }> {
  const passphrase = await readNewPassword();
  const encrypted = passphrase !== '';
  const { privateKey } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cipher = encrypted ? { cipher: 'aes-256-cbc', passphrase } : {};
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

  return { key: privateKey, encrypted };
}

async function readPassword(): Promise<string> {
  return process.env.COSIGN_PASSWORD ?? askPassword('Password of the private key');
}

/** Asks twice, because nobody can read a key whose password was mistyped. */
async function readNewPassword(): Promise<string> {
  const given = process.env.COSIGN_PASSWORD;
  if (given !== undefined) return given;

  const password = await askPassword('Password of the new private key (empty for none)');
  if ((await askPassword('The same password again')) === password) return password;
  throw new GantryError('usage', 'expected the same password twice, found two passwords');
}

async function askPassword(message: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new GantryError(
      'usage',
      'expected the password of the key in COSIGN_PASSWORD (empty for none), found neither it nor a terminal',
    );
  }

  const prompts = await import('@clack/prompts');
  const answer = await prompts.password({ message });
  if (prompts.isCancel(answer)) throw new GantryError('usage', 'expected a password, found none');

  return answer ?? '';
}
