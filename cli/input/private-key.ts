import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { GantryError } from '../../shared/base/error.ts';
import { readOptionFile } from './option-files.ts';

/** Reads a private key file, as cosign writes it or plain PEM; asks for its password where it has one. */
export async function readPrivateKey(path: string, option: string): Promise<KeyObject> {
  const pem = await readOptionFile(path, option);
  const { isEncryptedKey, readCosignKey } = await import('../../shared/signature/index.ts');
  return readCosignKey(pem, isEncryptedKey(pem) ? await password() : '');
}

/** The public half, PEM (SPKI), of a key file that is an argument and may be either half. */
export async function readPublicHalf(path: string): Promise<string> {
  const pem = await readOptionFile(path, 'the key');
  if (pem.includes(' PRIVATE KEY-----')) return publicPem(await readPrivateKey(path, 'the key'));
  try {
    return publicPem(createPublicKey(pem));
  } catch (cause) {
    throw new GantryError(
      'key_invalid',
      `expected a key in PEM in ${path}, the public or private half, found none`,
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

/** Makes a key pair: the private half at `path` for its owner only, encrypted where a password is set, the public one beside it. */
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
    throw new GantryError('io_error', `the key cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
  return privateKey;
}

async function password(): Promise<string> {
  const given = process.env.COSIGN_PASSWORD;
  if (given !== undefined) return given;
  if (!process.stdin.isTTY) {
    throw new GantryError(
      'usage',
      'expected the password of the key in COSIGN_PASSWORD, found no terminal to ask on',
    );
  }
  const prompts = await import('@clack/prompts');
  const answer = await prompts.password({ message: 'Password of the private key' });
  if (prompts.isCancel(answer)) throw new GantryError('usage', 'expected a password, found none');
  return answer ?? '';
}
