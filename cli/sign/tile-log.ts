import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import type { SignatureBundle, VerificationMaterial, Witness } from '@sigstore/sign';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { findKeyKind, hashOf, preAuthenticationEncoding } from '../../shared/signature/index.ts';
import { readText, retryService, StatusError } from './services.ts';

/**
 * A log of Rekor 2. Like cosign, it logs envelopes as `hashedrekord` entries over their signed
 * bytes; the library would log them as `dsse` entries, and never those of a key.
 */
export class TileLogWitness implements Witness {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async testify(content: SignatureBundle, signer: string): Promise<VerificationMaterial> {
    const body = JSON.stringify(makeRequest(content, signer));
    const response = await retryService(() => this.#post(body));

    const { logId, kindVersion, ...entry } = TransparencyLogEntry.fromJSON(response);
    if (logId === undefined || kindVersion === undefined)
      throw new StatusError(200, 'the response is no log entry');
    return { tlogEntries: [{ ...entry, logId, kindVersion }] };
  }

  async #post(body: string): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v2/log/entries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body,
      // The log responds when a checkpoint covers the entry.
      signal: AbortSignal.timeout(limits.signingTimeoutMs),
    });
    const text = await readText(response);
    if (response.ok) return JSON.parse(text);
    throw new StatusError(response.status, text.slice(0, 200).trim() || response.statusText);
  }
}

function makeRequest(content: SignatureBundle, pem: string) {
  if (content.$case !== 'dsseEnvelope') throw new Error('expected an envelope to log');
  const { payloadType, payload, signatures } = content.dsseEnvelope;
  const { verifier, key } = readVerifier(pem);
  const { keyDetails, hash } = describeKey(key);
  const signed = preAuthenticationEncoding(payloadType, payload);

  return {
    hashedRekordRequestV002: {
      digest: createHash(hash).update(signed).digest('base64'),
      signature: {
        content: signatures[0]?.sig.toString('base64'),
        verifier: { ...verifier, keyDetails },
      },
    },
  };
}

/** Reads the signer in PEM: its certificate, or its public key. */
function readVerifier(pem: string) {
  if (pem.includes('BEGIN CERTIFICATE')) {
    const certificate = new X509Certificate(pem);
    const rawBytes = certificate.raw.toString('base64');
    return { verifier: { x509Certificate: { rawBytes } }, key: certificate.publicKey };
  }

  const key = createPublicKey(pem);
  const rawBytes = key.export({ format: 'der', type: 'spki' }).toString('base64');
  return { verifier: { publicKey: { rawBytes } }, key };
}

/** The name that the log has for a key and its hash. */
function describeKey(key: KeyObject): { keyDetails: string; hash: string } {
  const kind = findKeyKind(key);
  const bits = key.asymmetricKeyDetails?.modulusLength;
  const keyDetails =
    kind === 'p256'
      ? 'PKIX_ECDSA_P256_SHA_256'
      : kind === 'p384'
        ? 'PKIX_ECDSA_P384_SHA_384'
        : kind === 'rsa' && [2048, 3072, 4096].includes(bits ?? 0)
          ? `PKIX_RSA_PKCS1V15_${bits}_SHA256`
          : null;
  const hash = kind === null ? null : hashOf[kind];

  if (keyDetails === null || hash === null) {
    throw new GantryError(
      'key_invalid',
      'expected a key that Rekor 2 logs: ECDSA P-256 or P-384, or RSA of 2048, 3072 or 4096 bits; sign with such a key, or without a log',
    );
  }

  return { keyDetails, hash };
}
