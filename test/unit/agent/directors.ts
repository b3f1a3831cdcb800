import { generateKeyPairSync, sign } from 'node:crypto';
import { makeRoot, signMetadata, tufKey } from '../../../shared/director/index.ts';

/** A director key of an account, which signs desired states and account roots. */
export function director() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();

  return {
    publicKeyPem,
    keyId: tufKey(publicKeyPem).keyID,
    signer: async (bytes: Buffer) => sign('sha256', bytes, privateKey),
  };
}
export type Director = ReturnType<typeof director>;

export const inAYear = new Date(Date.now() + 365 * 86_400_000);

/** A root whose keys are all one director's, signed by it and by others. */
export async function rootOf(
  by: Director,
  version: number,
  ...signers: Director[]
): Promise<Buffer> {
  const root = makeRoot({ publicKeyPem: by.publicKeyPem, expires: inAYear, version });
  let bytes: Buffer = Buffer.alloc(0);
  for (const { signer, keyId } of [by, ...signers]) bytes = await signMetadata(root, signer, keyId);
  return bytes;
}
