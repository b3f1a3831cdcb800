import { createHash, X509Certificate } from 'node:crypto';
import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { z } from 'zod';
import { parseStrictJson } from '../base/strict-json.ts';
import type { FoundSignature } from '../domain/signatures/index.ts';
import { readEnvelopeBundle } from './bundle.ts';
import { SignedBytes } from './content.ts';
import { type KnownKeys, requireExactKeys } from './exact-keys.ts';
import { type Material, type SignatureClaim, toMaterial } from './material.ts';
import { readPemBlocks } from './pem.ts';
import { refuse } from './refusal.ts';

type FoundLegacySignature = Extract<FoundSignature, { format: 'legacy' }>;

/** Node.js also decodes the alphabet of URLs, which cosign refuses. */
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The keys of the documents of a signature that decide what it covers. */
const knownKeys: KnownKeys = {
  critical: { identity: {}, image: { 'docker-manifest-digest': {} }, type: {} },
  optional: {},
  SignedEntryTimestamp: {},
  Payload: { body: {}, integratedTime: {}, logIndex: {}, logID: {} },
  kind: {},
  apiVersion: {},
  SignedRFC3161Timestamp: {},
};

const simpleSigningType = 'cosign container image signature';
const annotation = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  bundle: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
} as const;

// "Simple signing" as cosign uses it: containers/image, docs/containers-signature.5.md.
const simpleSigning = z.looseObject({
  critical: z.looseObject({
    image: z.looseObject({ 'docker-manifest-digest': z.string() }),
    type: z.literal(simpleSigningType),
  }),
  optional: z.record(z.string(), z.unknown()).nullish(),
});

const rekorBundle = z.looseObject({
  SignedEntryTimestamp: z.string(),
  Payload: z.looseObject({
    body: z.string(),
    integratedTime: z.number().int().nonnegative(),
    logIndex: z.number().int().nonnegative(),
    logID: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});
const entryKind = z.looseObject({ kind: z.string(), apiVersion: z.string() });

/** What a log entry records: a simple signature, or an envelope. */
type EntryKind = 'hashedrekord' | 'dsse';

const base64Text = z.string().regex(base64, 'expected base64 (RFC 4648, section 4)');
const dsseEnvelope = z.looseObject({
  payloadType: z.string(),
  payload: base64Text,
  signatures: z.array(z.looseObject({ sig: base64Text, keyid: z.string().nullish() })),
});
const envelopeKeys: KnownKeys = {
  payloadType: {},
  payload: {},
  signatures: { sig: {}, keyid: {} },
};
const timestamp = z.looseObject({ SignedRFC3161Timestamp: z.string() });

/**
 * Reads a layer of cosign 2: a simple signature of `sha256-<hex>.sig`, whose signature is an
 * annotation, or an attestation of `sha256-<hex>.att`, which has its signature inside.
 * @throws Refusal `payload_invalid`, `bundle_invalid`, `certificate_invalid`, `tlog_invalid`
 */
export function readLegacy(found: FoundLegacySignature): Material {
  const payload = Buffer.from(found.payload, 'base64');
  const isSigned = !!found.annotations[annotation.signature];
  return !isSigned && isEnvelope(payload)
    ? readAttestation(found, payload)
    : readSimpleSignature(found, payload);
}

function isEnvelope(payload: Buffer): boolean {
  try {
    const value = parseStrictJson(payload);
    return value instanceof Object && 'payloadType' in value;
  } catch {
    return false;
  }
}

/** Reads an attestation: the parts of a bundle v0.1 with a DSSE envelope. */
function readAttestation({ annotations }: FoundLegacySignature, layer: Buffer): Material {
  const { payload, payloadType, signatures } = parse(dsseEnvelope, layer, {
    code: 'payload_invalid',
    expectation: 'a DSSE envelope',
    keys: envelopeKeys,
  });
  const content = { dsseEnvelope: { payload, payloadType, signatures } };
  const material = readEnvelopeBundle(toBundle(annotations, 'dsse', content));
  if (material.claim.kind === 'attestation') return material;

  return refuse('payload_invalid', 'expected an attestation in an envelope, found a signature');
}

/**
 * Reads a simple signature. It has the parts of a bundle v0.1 (message signature, certificate, log
 * entry with its signed promise), so it is converted to a bundle and verified like one. The
 * annotation with the certificate chain is ignored: intermediate certificates come from the trust
 * root.
 * @throws Refusal `payload_invalid`, `bundle_invalid`, `certificate_invalid`
 */
function readSimpleSignature(found: FoundLegacySignature, payload: Buffer): Material {
  const { critical, optional } = parse(simpleSigning, payload, {
    code: 'payload_invalid',
    expectation: 'a simple-signing payload',
  });

  const signatureText = found.annotations[annotation.signature];
  if (!signatureText)
    refuse('bundle_invalid', `expected the annotation ${annotation.signature}, found none`);
  if (!base64.test(signatureText)) {
    refuse('bundle_invalid', `expected base64 (RFC 4648, section 4) in ${annotation.signature}`);
  }
  const signature = Buffer.from(signatureText, 'base64');
  const claim: SignatureClaim = {
    kind: 'signature',
    subjects: [{ digest: critical.image['docker-manifest-digest'], annotations: optional ?? {} }],
  };

  const messageSignature = {
    messageDigest: {
      algorithm: 'SHA2_256',
      digest: createHash('sha256').update(payload).digest('base64'),
    },
    signature: signatureText,
  };

  return toMaterial(
    toBundle(found.annotations, 'hashedrekord', { messageSignature }),
    new SignedBytes(signature, payload),
    claim,
  );
}

function toBundle(
  annotations: FoundLegacySignature['annotations'],
  kind: EntryKind,
  content: object,
): Bundle {
  const pem = annotations[annotation.certificate];
  const entry = annotations[annotation.bundle];
  const stamp = annotations[annotation.timestamp];

  const json = {
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    verificationMaterial: {
      ...(pem
        ? { x509CertificateChain: { certificates: [{ rawBytes: decodeCertificate(pem) }] } }
        : { publicKey: { hint: '' } }),
      tlogEntries: entry ? parseLogEntry(entry, kind) : [],
      timestampVerificationData: { rfc3161Timestamps: stamp ? [signedTimestamp(stamp)] : [] },
    },
    ...content,
  };

  try {
    return bundleFromJSON(json);
  } catch (cause) {
    return refuse(
      'bundle_invalid',
      'expected the annotations of a cosign signature, found malformed ones',
      cause,
    );
  }
}

/** Returns no entry for one of the kind `intoto`, which cosign 2 writes on request only. */
function parseLogEntry(text: string, expected: EntryKind) {
  const { SignedEntryTimestamp, Payload } = parse(rekorBundle, text, {
    code: 'tlog_invalid',
    expectation: `JSON in ${annotation.bundle}`,
  });

  const body = Buffer.from(Payload.body, 'base64').toString('utf8');
  const { kind, apiVersion } = parse(entryKind, body, {
    code: 'tlog_invalid',
    expectation: `a ${expected} 0.0.1 log entry`,
  });
  if (expected === 'dsse' && kind === 'intoto') return [];
  if (kind !== expected || apiVersion !== '0.0.1')
    refuse('tlog_invalid', `expected a ${expected} 0.0.1 log entry, found something else`);

  return [
    {
      logIndex: String(Payload.logIndex),
      logId: { keyId: Buffer.from(Payload.logID, 'hex').toString('base64') },
      kindVersion: { kind, version: apiVersion },
      integratedTime: String(Payload.integratedTime),
      inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
      canonicalizedBody: Payload.body,
    },
  ];
}

function signedTimestamp(text: string) {
  const { SignedRFC3161Timestamp } = parse(timestamp, text, {
    code: 'timestamp_invalid',
    expectation: `JSON in ${annotation.timestamp}`,
  });
  return { signedTimestamp: SignedRFC3161Timestamp };
}

function decodeCertificate(pem: string): string {
  try {
    const [block] = readPemBlocks(pem);
    // cosign reads all blocks to the end, so it refuses text behind them.
    if (block?.label === 'CERTIFICATE' && pem.trimEnd().endsWith('-----END CERTIFICATE-----'))
      return new X509Certificate(block.der).raw.toString('base64');
  } catch (cause) {
    return refuse(
      'certificate_invalid',
      `expected a certificate in ${annotation.certificate}, found none`,
      cause,
    );
  }
  return refuse(
    'certificate_invalid',
    `expected a certificate in ${annotation.certificate}, found none`,
  );
}

function parse<T extends z.ZodType>(
  schema: T,
  text: string | Uint8Array,
  wanted: {
    code: 'payload_invalid' | 'tlog_invalid' | 'timestamp_invalid';
    expectation: string;
    keys?: KnownKeys;
  },
): z.output<T> {
  try {
    const value = parseStrictJson(text);
    requireExactKeys(value, wanted.keys ?? knownKeys);
    return schema.parse(value);
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? `: ${cause.message}` : ', found something else';
    return refuse(wanted.code, `expected ${wanted.expectation}${reason}`, cause);
  }
}
