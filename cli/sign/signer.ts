import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Signer, Witness } from '@sigstore/sign';
import { limits } from '../../shared/base/limits/index.ts';
import type { SigningServices } from '../../shared/signature/index.ts';
import type { IdentityProvider } from './identity.ts';
import { callService, type Service, serviceRetry } from './services.ts';

/** Signs the payload of a statement, and returns a Sigstore bundle as JSON. */
export type PayloadSigner = (payload: Buffer) => Promise<unknown>;

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
    return async (payload) => signPayload(payload, key);

  const half = createPublicKey(key);
  const publicKey = half.export({ format: 'pem', type: 'spki' }).toString();
  const signer: Signer = {
    sign: async (bytes) => ({
      signature: signBytes(bytes, key),
      key: { $case: 'publicKey', publicKey, hint: hashKey(half) },
    }),
  };

  return createSigner(signer, services);
}

/**
 * Makes a signer that gets a certificate for the identity with each signature. Its key lives in
 * memory for that signature only.
 */
export async function createKeylessSigner(
  fulcio: string,
  identityProvider: IdentityProvider,
  services: SigningServices,
): Promise<PayloadSigner> {
  const { FulcioSigner } = await import('@sigstore/sign');
  const service: Service = { kind: 'fulcio', url: fulcio };

  const signer: Signer = {
    sign: (bytes) =>
      callService(service, async () => {
        // The library quotes a token that it cannot read, so read it first.
        const token = await identityProvider.getToken();
        const once = { getToken: async () => token };
        return new FulcioSigner({
          fulcioBaseURL: fulcio,
          identityProvider: once,
          ...fetchOptions,
        }).sign(bytes);
      }),
  };

  return createSigner(signer, services);
}

async function createSigner(signer: Signer, services: SigningServices): Promise<PayloadSigner> {
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
