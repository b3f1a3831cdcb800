import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { SignedEntity } from '@sigstore/verify';
import { z } from 'zod';
import { spki } from './keys.ts';
import { refuse } from './refusal.ts';

const rawBytes = z.looseObject({ rawBytes: z.string() });
const verifier = z.looseObject({
  publicKey: rawBytes.optional(),
  x509Certificate: rawBytes.optional(),
});

/** The kinds of entry that cosign writes for signatures and attestations, and where each keeps the signer. */
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
 * Demands of a log entry that the library has verified what the library leaves out: that it names the signer whose
 * signature was verified (an entry under someone else's key is no record of this signer's act), and that its proof states
 * the tree of the checkpoint that it was proven with.
 * @param certificate the signer's, null for a plain key
 * @throws Refusal `tlog_invalid`
 */
export function checkLogEntry(
  entry: LogEntry,
  key: KeyObject,
  certificate: X509Certificate | null,
): void {
  const signer = certificate ? certificate.raw : spki(key);
  if (!readSigner(entry.canonicalizedBody).equals(signer)) {
    refuse('tlog_invalid', 'expected a log entry by the signer, found one that names another');
  }
  const { inclusionProof } = entry;
  if (inclusionProof === undefined) return;
  // A checkpoint is a signed note: origin, tree size, root hash, one a line (transparency-dev, "tlog-checkpoint").
  const [, size, hash] = inclusionProof.checkpoint?.envelope.split('\n') ?? [];
  if (size !== inclusionProof.treeSize || hash !== inclusionProof.rootHash.toString('base64')) {
    refuse(
      'tlog_invalid',
      'expected the size and root of the signed checkpoint in the proof, found others',
    );
  }
}

function readSigner(canonicalizedBody: Buffer): Buffer {
  try {
    return namedSigner(JSON.parse(canonicalizedBody.toString('utf8')));
  } catch (cause) {
    return refuse(
      'tlog_invalid',
      'expected a log entry of a known kind that names its signer',
      cause,
    );
  }
}

/** DER of the certificate or key that an entry names. @throws ZodError, or OpenSSL's errors for broken material */
export function namedSigner(body: unknown): Buffer {
  const { kind, apiVersion, spec } = entry.parse(body) as z.output<typeof entry>;
  if (kind === 'hashedrekord' && apiVersion === '0.0.1')
    return fromPem(spec.signature.publicKey.content);
  if (kind === 'intoto') return fromPem(spec.content.envelope.signatures[0]?.publicKey ?? '');
  if (kind === 'dsse' && apiVersion === '0.0.1') return fromPem(spec.signatures[0]?.verifier ?? '');
  const found =
    kind === 'hashedrekord'
      ? spec.hashedRekordV002.signature.verifier
      : spec.dsseV002.signatures[0]?.verifier;
  return Buffer.from(
    found?.x509Certificate?.rawBytes ?? found?.publicKey?.rawBytes ?? '',
    'base64',
  );
}

function fromPem(base64: string): Buffer {
  const pem = Buffer.from(base64, 'base64').toString('utf8');
  return pem.includes('BEGIN CERTIFICATE')
    ? new X509Certificate(pem).raw
    : spki(createPublicKey(pem));
}
