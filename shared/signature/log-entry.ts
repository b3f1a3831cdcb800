import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { SignedEntity } from '@sigstore/verify';
import { z } from 'zod';
import { encodeSpki } from './keys.ts';
import { readPemBlocks } from './pem.ts';
import { refuse } from './refusal.ts';

const rawBytes = z.looseObject({ rawBytes: z.string() });
const verifier = z.looseObject({
  publicKey: rawBytes.optional(),
  x509Certificate: rawBytes.optional(),
});

/**
 * The kinds of log entry that cosign writes for signatures and attestations, and where each holds
 * the signer.
 */
const entry = z.union([
  z.looseObject({
    kind: z.literal('hashedrekord'),
    apiVersion: z.literal('0.0.1'),
    spec: z.looseObject({
      signature: z.looseObject({ publicKey: z.looseObject({ content: z.string() }) }),
    }),
  }),
  z.looseObject({
    kind: z.literal('dsse'),
    apiVersion: z.literal('0.0.1'),
    spec: z.looseObject({ signatures: z.array(z.looseObject({ verifier: z.string() })).length(1) }),
  }),
  z.looseObject({
    kind: z.literal('intoto'),
    apiVersion: z.literal('0.0.2'),
    spec: z.looseObject({
      content: z.looseObject({
        envelope: z.looseObject({
          signatures: z.array(z.looseObject({ publicKey: z.string() })).length(1),
        }),
      }),
    }),
  }),
  z.looseObject({
    kind: z.literal('hashedrekord'),
    apiVersion: z.literal('0.0.2'),
    spec: z.looseObject({
      hashedRekordV002: z.looseObject({ signature: z.looseObject({ verifier }) }),
    }),
  }),
  z.looseObject({
    kind: z.literal('dsse'),
    apiVersion: z.literal('0.0.2'),
    spec: z.looseObject({
      dsseV002: z.looseObject({ signatures: z.array(z.looseObject({ verifier })).length(1) }),
    }),
  }),
]);

type LogEntry = SignedEntity['tlogEntries'][number];

/**
 * Checks what the library leaves out of a log entry. The entry must name the signer whose signature
 * was verified: an entry by another key does not record this signature. Its proof must state the
 * tree of the signed checkpoint.
 * @param certificate the signer's certificate, null for a plain key
 * @throws Refusal `tlog_invalid`
 */
export function checkLogEntry(
  entry: LogEntry,
  key: KeyObject,
  certificate: X509Certificate | null,
): void {
  const signer = certificate ? certificate.raw : encodeSpki(key);
  if (!readSigner(entry.canonicalizedBody, certificate?.raw).equals(signer)) {
    refuse('tlog_invalid', 'expected a log entry by the signer, found one that names another');
  }

  const { inclusionProof } = entry;
  if (inclusionProof === undefined) return;

  // A checkpoint is a signed note with a line each for origin, tree size and root hash
  // (transparency-dev, "tlog-checkpoint").
  const [, size, hash] = inclusionProof.checkpoint?.envelope.split('\n') ?? [];
  if (size !== inclusionProof.treeSize || hash !== inclusionProof.rootHash.toString('base64')) {
    refuse(
      'tlog_invalid',
      'expected a proof with the size and root of the signed checkpoint, found different values',
    );
  }
}

function readSigner(canonicalizedBody: Buffer, known: Buffer | undefined): Buffer {
  try {
    return readNamedSigner(JSON.parse(canonicalizedBody.toString('utf8')), known);
  } catch (cause) {
    return refuse(
      'tlog_invalid',
      'expected a log entry of a known kind that names its signer',
      cause,
    );
  }
}

/**
 * Reads the DER of the certificate or key that an entry names.
 * @param known the DER of a certificate that was read already, so that it is not read once more
 * @throws ZodError for an unknown kind of entry; errors of OpenSSL for a malformed certificate or
 * key
 */
export function readNamedSigner(body: unknown, known?: Buffer): Buffer {
  const { kind, apiVersion, spec } = entry.parse(body) as z.output<typeof entry>;
  if (kind === 'hashedrekord' && apiVersion === '0.0.1')
    return fromPem(spec.signature.publicKey.content, known);
  if (kind === 'intoto')
    return fromPem(spec.content.envelope.signatures[0]?.publicKey ?? '', known);
  if (kind === 'dsse' && apiVersion === '0.0.1')
    return fromPem(spec.signatures[0]?.verifier ?? '', known);

  const found =
    kind === 'hashedrekord'
      ? spec.hashedRekordV002.signature.verifier
      : spec.dsseV002.signatures[0]?.verifier;

  return Buffer.from(
    found?.x509Certificate?.rawBytes ?? found?.publicKey?.rawBytes ?? '',
    'base64',
  );
}

function fromPem(base64: string, known: Buffer | undefined): Buffer {
  const [block] = readPemBlocks(Buffer.from(base64, 'base64').toString('utf8'));
  if (block === undefined) throw new Error('expected PEM, found none');

  if (block.label !== 'CERTIFICATE')
    return encodeSpki(createPublicKey({ key: block.der, format: 'der', type: 'spki' }));
  return known?.equals(block.der) ? known : new X509Certificate(block.der).raw;
}
