import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Signature, Signer, Witness } from '@sigstore/sign';
import { limits } from '../../shared/base/limits/index.ts';
import type { SigningServices } from '../../shared/signature/index.ts';
import type { IdentityProvider } from './identity.ts';
import { callService, type Service, serviceRetry } from './services.ts';

/** Signs the statements of one command. */
export interface PayloadSigner {
  /** Asks what a person must say, before anything is shown in place of it. */
  prepare: () => Promise<void>;
  /** Signs the payload of a statement, and returns a Sigstore bundle as JSON. */
  sign: (payload: Buffer) => Promise<unknown>;
}

const fetchOptions = { timeout: limits.signingTimeoutMs, retry: serviceRetry };

/**
 * Makes a signer with a key. It asks the log and the timestamp authority only if there are some.
 * @throws GantryError `key_invalid`
 */
export async function createKeyedSigner(
  key: KeyObject,
  services: SigningServices,
): Promise<PayloadSigner> {
  const { signPayload, hashKey, signBytes } = await import('../../shared/signature/index.ts');
  if (services.rekor.length === 0 && services.timestamps.length === 0)
    return { prepare, sign: async (payload) => signPayload(payload, key) };

  const half = createPublicKey(key);
  const publicKey = half.export({ format: 'pem', type: 'spki' }).toString();
  const signer: Signer = {
    sign: async (bytes) => ({
      signature: signBytes(bytes, key),
      key: { $case: 'publicKey', publicKey, hint: hashKey(half) },
    }),
  };

  return { prepare, sign: await createSigner(signer, services) };
}

async function prepare(): Promise<void> {}

/**
 * Makes a signer that gets a certificate for the identity with its first signature. Its key lives
 * in memory. The certificate serves all signatures of a command, as in cosign, because a person's
 * token may live for one minute.
 */
export async function createKeylessSigner(
  fulcio: string,
  identity: IdentityProvider,
  services: SigningServices,
): Promise<PayloadSigner> {
  const { FulcioSigner } = await import('@sigstore/sign');
  const service: Service = { kind: 'fulcio', url: fulcio };
  const keyHolder = createKeyHolder();
  let certified: { key: Signature['key']; until: number } | undefined;

  const signer: Signer = {
    sign: async (bytes) => {
      if (certified !== undefined && Date.now() < certified.until)
        return { ...(await keyHolder.sign(bytes)), key: certified.key };

      const signature = await callService(service, async () => {
        // The library quotes a token that it cannot read, so read it first.
        const token = await identity.getToken();
        const identityProvider = { getToken: async () => token };
        const options = { fulcioBaseURL: fulcio, identityProvider, keyHolder, ...fetchOptions };
        return new FulcioSigner(options).sign(bytes);
      });
      certified = { key: signature.key, until: Date.now() + limits.certificateUseMs };
      return signature;
    },
  };

  return { prepare: identity.prepare, sign: await createSigner(signer, services) };
}

/** A key that never leaves the process. */
function createKeyHolder(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  return {
    sign: async (bytes) => ({
      signature: sign('sha256', bytes, privateKey),
      key: { $case: 'publicKey', publicKey: pem },
    }),
  };
}

async function createSigner(
  signer: Signer,
  services: SigningServices,
): Promise<PayloadSigner['sign']> {
  const { DSSEBundleBuilder } = await import('@sigstore/sign');
  const { bundleToJSON } = await import('@sigstore/bundle');
  const { statementPayloadType } = await import('../../shared/signature/index.ts');
  const builder = new DSSEBundleBuilder({ signer, witnesses: await createWitnesses(services) });

  return async (payload) => {
    const bundle = await builder.create({ data: payload, type: statementPayloadType });
    const { verificationMaterial: material } = bundle;
    // cosign leaves out what is empty.
    if (material.timestampVerificationData?.rfc3161Timestamps.length === 0)
      material.timestampVerificationData = undefined;
    return bundleToJSON(bundle);
  };
}

async function createWitnesses({ rekor, timestamps }: SigningServices): Promise<Witness[]> {
  const { RekorWitness, TSAWitness } = await import('@sigstore/sign');
  const { TileLogWitness } = await import('./tile-log.ts');

  const logs = rekor.map(({ url, version }) =>
    name(
      { kind: 'rekor', url },
      version === 2
        ? new TileLogWitness(url)
        : new RekorWitness({ rekorBaseURL: url, ...fetchOptions }),
    ),
  );
  const authorities = timestamps.map((url) =>
    name({ kind: 'tsa', url }, new TSAWitness({ tsaBaseURL: url, ...fetchOptions })),
  );

  return [...logs, ...authorities];
}

/** Names the witness in its errors. */
function name(service: Service, witness: Witness): Witness {
  return {
    testify: (content, key) => callService(service, () => witness.testify(content, key)),
  };
}
