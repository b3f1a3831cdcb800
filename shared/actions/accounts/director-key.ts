import { createHash } from 'node:crypto';
import { CreateKeyCommand, GetPublicKeyCommand, SignCommand } from '@aws-sdk/client-kms';
import type { Metadata, Root, Targets } from '@tufjs/models';
import { LRUCache } from 'lru-cache';
import { limits } from '../../base/limits/index.ts';
import { signMetadata, tufKey } from '../../director/index.ts';
import type { Services } from '../context/index.ts';

/** A public key never changes, so a process reads it once and keeps as many as fit. */
const publicKeys = new LRUCache<string, string>({ max: limits.directorKeysCached });

/**
 * Makes an account's director key: ECDSA P-256 in KMS that never leaves it. It is a multi-Region
 * key, which keeps its id in the replicas of other Regions: it survives the loss of one. Returns
 * the key's id.
 */
export async function createDirectorKey(services: Services, account: string): Promise<string> {
  const out = await services.aws.kms.send(
    new CreateKeyCommand({
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
      MultiRegion: true,
      Description: `Gantry director key of account ${account}`,
      Tags: [
        { TagKey: 'gantry:director-of', TagValue: services.settings.deployment },
        { TagKey: 'gantry:account', TagValue: account },
      ],
    }),
  );

  const id = out.KeyMetadata?.KeyId;
  if (id === undefined) throw new Error('KMS made a key and returned no id');

  return id;
}

/** The public half of a director key, PEM (SPKI). */
export async function directorPublicKey(services: Services, keyId: string): Promise<string> {
  const known = publicKeys.get(keyId);
  if (known !== undefined) return known;

  const read = await readPublicKey(services, keyId);
  publicKeys.set(keyId, read);
  return read;
}

async function readPublicKey(services: Services, keyId: string): Promise<string> {
  const out = await services.aws.kms.send(new GetPublicKeyCommand({ KeyId: keyId }));
  const der = Buffer.from(out.PublicKey ?? []).toString('base64');
  return `-----BEGIN PUBLIC KEY-----\n${der.match(/.{1,64}/g)?.join('\n')}\n-----END PUBLIC KEY-----\n`;
}

/** What KMS says of a key that is gone, and that no retry brings back. */
const lostKeyErrors: readonly string[] = [
  'NotFoundException',
  'DisabledException',
  'KMSInvalidStateException',
];

/** Whether an error of KMS says that it has no key to sign with any more. */
export function isLostKey(error: unknown): boolean {
  return error instanceof Error && lostKeyErrors.includes(error.name);
}

/** Signs TUF metadata with a director key. Returns the bytes of the file. */
export async function signAsDirector(
  services: Services,
  keyId: string,
  metadata: Metadata<Root> | Metadata<Targets>,
): Promise<Buffer> {
  const key = tufKey(await directorPublicKey(services, keyId));
  // KMS accepts messages of at most 4,096 bytes, so it gets the digest.
  const signer = async (bytes: Buffer) => {
    const digest = createHash('sha256').update(bytes).digest();
    const out = await services.aws.kms.send(
      new SignCommand({
        KeyId: keyId,
        Message: digest,
        MessageType: 'DIGEST',
        SigningAlgorithm: 'ECDSA_SHA_256',
      }),
    );

    if (out.Signature === undefined) throw new Error('KMS returned no signature');
    return out.Signature;
  };

  return signMetadata(metadata, signer, key.keyID);
}
