import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { initializeCA, initializeCTLog, initializeTLog, initializeTSA } from '@sigstore/mock';
import { z } from 'zod';
import type { FoundSignature } from '../../shared/domain/signatures/index.ts';

const logEntry = z.object({
  body: z.string(),
  integratedTime: z.number(),
  logIndex: z.number(),
  logID: z.string(),
  verification: z.object({ signedEntryTimestamp: z.string() }),
});

type KeyPair = ReturnType<typeof p256>;

export interface SignOptions {
  digest: string;
  subjectAltName?: string;
  /** When the log records the signature, in milliseconds after the certificate was issued. */
  loggedAfterMs?: number;
  /** False: only the older issuer extension, as Fulcio wrote before 1.0. */
  currentIssuer?: boolean;
  issuer?: string;
  /** Further extensions, by what ends Fulcio's names: bare text up to 6, DER from 8. */
  claims?: [number | `${number}`, string][];
  /** Lets the log's entry name another signer. */
  entryKey?: string;
}

/**
 * A Fulcio, a CT log and a Rekor of a test's own, to make certificates and log entries that no real
 * one would.
 */
export async function startPrivateSigstore(issuedAt: Date) {
  const [caKeys, ctKeys, logKeys] = [p384(), p256(), p256()];
  const ctLog = await initializeCTLog(ctKeys, issuedAt);
  const tsa = await initializeTSA(p384(), wholeSecond(after(issuedAt, 60_000)));
  const ca = await initializeCA(caKeys, ctLog, issuedAt);
  const bareCa = await initializeCA(caKeys, undefined, issuedAt);

  const trustedRoot = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log('https://rekor.private.test', logKeys)],
    ctlogs: [log('https://ct.private.test', ctKeys)],
    certificateAuthorities: [
      {
        uri: 'https://fulcio.private.test',
        certChain: { certificates: [{ rawBytes: base64(ca.rootCertificate) }] },
        validFor: { start: '2000-01-01T00:00:00Z' },
      },
    ],
    timestampAuthorities: [
      {
        uri: 'https://tsa.private.test',
        certChain: {
          certificates: [tsa.intCertificate, tsa.rootCertificate].map((der) => ({
            rawBytes: base64(der),
          })),
        },
        validFor: { start: '2000-01-01T00:00:00Z' },
      },
    ],
  };

  /** A legacy keyless signature with its certificate and the log's promise. */
  async function signLegacy(options: SignOptions, authority = ca): Promise<FoundSignature> {
    const { privateKey, publicKey } = p256();
    const issuer = options.issuer ?? 'https://issuer.test';

    const certificate = await authority.issueCertificate({
      publicKey: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
      subjectAltName: options.subjectAltName ?? 'https://git.test/acme/redis@refs/tags/v1.0.0',
      extensions: [
        { oid: '1.3.6.1.4.1.57264.1.1', value: issuer, legacy: true },
        ...(options.currentIssuer === false
          ? []
          : [{ oid: '1.3.6.1.4.1.57264.1.8', value: issuer }]),
        ...(options.claims ?? []).map(([number, value]) => ({
          oid: `1.3.6.1.4.1.57264.1.${number}`,
          value,
          ...(Number(number) <= 6 ? { legacy: true } : {}),
        })),
      ],
    });

    const pem = `-----BEGIN CERTIFICATE-----\n${base64(certificate)}\n-----END CERTIFICATE-----\n`;
    const payload = Buffer.from(
      JSON.stringify({
        critical: {
          identity: { 'docker-reference': 'r.test/acme/redis' },
          image: { 'docker-manifest-digest': options.digest },
          type: 'cosign container image signature',
        },
        optional: null,
      }),
    );

    const signature = sign('sha256', payload, privateKey).toString('base64');
    const rekor = await initializeTLog(
      'https://rekor.private.test',
      logKeys,
      after(issuedAt, options.loggedAfterMs ?? 60_000),
    );

    const entries = await rekor.log({
      apiVersion: '0.0.1',
      kind: 'hashedrekord',
      spec: {
        data: {
          hash: { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') },
        },
        signature: {
          content: signature,
          publicKey: { content: Buffer.from(options.entryKey ?? pem).toString('base64') },
        },
      },
    });

    const { body, integratedTime, logIndex, logID, verification } = logEntry.parse(
      Object.values(entries)[0],
    );
    const bundle = {
      SignedEntryTimestamp: verification.signedEntryTimestamp,
      Payload: { body, integratedTime, logIndex, logID },
    };

    return {
      format: 'legacy',
      source: 'legacy_tag',
      claimed_digest: `sha256:${createHash('sha256').update(payload).digest('hex')}`,
      payload: payload.toString('base64'),
      annotations: {
        'dev.cosignproject.cosign/signature': signature,
        'dev.sigstore.cosign/certificate': pem,
        'dev.sigstore.cosign/bundle': JSON.stringify(bundle),
      },
    };
  }

  /** The RFC 3161 timestamp of a signature, in the annotation that cosign writes. */
  async function timestamped(
    candidate: FoundSignature,
  ): Promise<FoundSignature & { format: 'legacy' }> {
    if (candidate.format !== 'legacy') throw new Error('expected a legacy signature');

    const signature = Buffer.from(
      candidate.annotations['dev.cosignproject.cosign/signature'] ?? '',
      'base64',
    );
    const token = await tsa.timestamp({
      artifactHash: createHash('sha256').update(signature).digest(),
      hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
      nonce: 1,
      policyOID: '1.3.6.1.4.1.57264.2',
      certReq: true,
    });

    const annotation = JSON.stringify({ SignedRFC3161Timestamp: base64(token) });
    return {
      ...candidate,
      annotations: { ...candidate.annotations, 'dev.sigstore.cosign/rfc3161timestamp': annotation },
    };
  }

  return { trustedRoot, signLegacy, timestamped, bareCa, caKeys, ca, tsa, logKeys };
}

function p256() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function p384() {
  return generateKeyPairSync('ec', { namedCurve: 'P-384' });
}

function log(baseUrl: string, { publicKey }: KeyPair) {
  const der = publicKey.export({ format: 'der', type: 'spki' });
  return {
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: der.toString('base64'),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor: { start: '2000-01-01T00:00:00Z' },
    },
    logId: { keyId: createHash('sha256').update(der).digest('base64') },
  };
}

function base64(bytes: ArrayBufferView): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/**
 * Timestamp authorities write whole seconds. The mock writes fractions without their trailing
 * zeros, which `@sigstore/core` does not read.
 */
function wholeSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}

function after(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}
