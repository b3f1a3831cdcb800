import { type KeyObject, sign } from 'node:crypto';
import type { FoundSignature } from '../../shared/domain/signatures/index.ts';
import { preAuthenticationEncoding, statementPayloadType } from '../../shared/signature/bundle.ts';
import { signArtifact } from '../../shared/signature/index.ts';

/**
 * A bundle with a signed in-toto statement about a digest (`sha256:<hex>`), as `cosign attest
 * --key` makes it.
 */
export function attest(
  about: string | readonly [string, ...string[]],
  key: KeyObject,
  predicateType: string,
  predicate: unknown,
) {
  const digests = typeof about === 'string' ? ([about] as const) : about;
  const bundle = signArtifact({ digest: digests[0], key });
  const subject = digests.map((digest) => ({
    name: 'redis',
    digest: { sha256: digest.slice('sha256:'.length) },
  }));

  const statement = {
    _type: 'https://in-toto.io/Statement/v0.1',
    subject,
    predicateType,
    predicate,
  };

  const payload = Buffer.from(JSON.stringify(statement));
  const sig = sign(
    'sha256',
    preAuthenticationEncoding(statementPayloadType, payload),
    key,
  ).toString('base64');

  return {
    ...bundle,
    dsseEnvelope: {
      ...bundle.dsseEnvelope,
      payload: payload.toString('base64'),
      signatures: [{ sig }],
    },
  };
}

interface BundleParts {
  verificationMaterial: {
    certificate?: { rawBytes: string };
    tlogEntries?: {
      logIndex: string;
      logId: { keyId: string };
      integratedTime: string;
      inclusionPromise: { signedEntryTimestamp: string };
      canonicalizedBody: string;
    }[];
  };
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
}

/** The layer of the tag `sha256-<hex>.att` that cosign 2 writes in place of a bundle. */
export function toCosign2(bundle: unknown): FoundSignature & { format: 'legacy' } {
  const { verificationMaterial, dsseEnvelope } = bundle as BundleParts;
  const { certificate, tlogEntries: [entry] = [] } = verificationMaterial;
  const pem = certificate?.rawBytes.replace(/.{64}/g, '$&\n');
  const { payload, payloadType, signatures } = dsseEnvelope;
  const envelope = {
    payloadType,
    payload,
    signatures: signatures.map(({ sig }) => ({ keyid: '', sig })),
  };
  const logged = entry && {
    SignedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp,
    Payload: {
      body: entry.canonicalizedBody,
      integratedTime: Number(entry.integratedTime),
      logIndex: Number(entry.logIndex),
      logID: Buffer.from(entry.logId.keyId, 'base64').toString('hex'),
    },
  };

  return {
    format: 'legacy',
    source: 'legacy_tag',
    claimed_digest: `sha256:${'0'.repeat(64)}`,
    payload: Buffer.from(JSON.stringify(envelope)).toString('base64'),
    annotations: {
      'dev.cosignproject.cosign/signature': '',
      ...(pem === undefined
        ? {}
        : {
            'dev.sigstore.cosign/certificate': `-----BEGIN CERTIFICATE-----\n${pem}\n-----END CERTIFICATE-----\n`,
          }),
      ...(logged === undefined ? {} : { 'dev.sigstore.cosign/bundle': JSON.stringify(logged) }),
    },
  };
}
