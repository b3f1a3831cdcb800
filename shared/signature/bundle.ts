import {
  BUNDLE_V01_MEDIA_TYPE,
  BUNDLE_V02_MEDIA_TYPE,
  BUNDLE_V03_LEGACY_MEDIA_TYPE,
  BUNDLE_V03_MEDIA_TYPE,
  type Bundle,
  bundleFromJSON,
  ValidationError,
} from '@sigstore/bundle';
import { z } from 'zod';
import { limits } from '../base/limits/index.ts';
import { valueNestsDeeper } from '../base/nesting.ts';
import { parseStrictJson } from '../base/strict-json.ts';
import { signPredicateType } from '../domain/signatures/index.ts';
import { SignedBytes, SignedMessage } from './content.ts';
import { type KnownKeys, requireExactKeys } from './exact-keys.ts';
import { type Artifact, type Material, type SignatureClaim, toMaterial } from './material.ts';
import { refuse } from './refusal.ts';

type Content = Bundle['content'];
type Envelope = Extract<Content, { $case: 'dsseEnvelope' }>['dsseEnvelope'];
type MessageSignature = Extract<Content, { $case: 'messageSignature' }>['messageSignature'];

export const statementPayloadType = 'application/vnd.in-toto+json';

// in-toto Statement v1 and v0.1: `cosign attest` still writes v0.1.
const statement = z.looseObject({
  _type: z.enum(['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1']),
  predicateType: z.string(),
  predicate: z.unknown(),
  subject: z
    .array(
      z.looseObject({
        digest: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.unknown()).nullish(),
      }),
    )
    .min(1)
    .max(1000),
});

/** The keys of a statement that decide what it covers. */
const statementKeys: KnownKeys = {
  _type: {},
  predicateType: {},
  predicate: {},
  subject: { name: {}, digest: { sha256: {} }, annotations: {} },
};

/**
 * Reads the Sigstore bundle (v0.1 to v0.3) of a module: a DSSE envelope over an in-toto statement.
 * A signature over the manifest's bytes is refused, as cosign does: a key that signs files of a
 * release would otherwise sign modules without its owner's intent.
 * @param json the bundle as parsed JSON
 * @throws Refusal `bundle_invalid`, `payload_invalid`, `certificate_invalid`
 */
export function readModuleBundle(json: unknown): Material {
  return readEnvelopeBundle(parseBundle(json));
}

/** Reads a bundle whose format was checked. @throws Refusal as `readModuleBundle` */
export function readEnvelopeBundle(bundle: Bundle): Material {
  const { content } = bundle;
  if (content.$case === 'dsseEnvelope') return readEnvelope(bundle, content.dsseEnvelope);

  return refuse(
    'payload_invalid',
    'expected a signed statement about the digest (cosign sign), found a signature over a file (cosign sign-blob)',
  );
}

/**
 * Reads the Sigstore bundle of a file: a DSSE envelope, or a signature over the file's bytes.
 * @param json the bundle as parsed JSON
 * @param artifact the file that a message signature must cover
 * @throws Refusal `bundle_invalid`, `payload_invalid`, `digest_mismatch`, `certificate_invalid`
 */
export function readFileBundle(json: unknown, artifact: Artifact): Material {
  const bundle = parseBundle(json);
  const { content } = bundle;
  return content.$case === 'dsseEnvelope'
    ? readEnvelope(bundle, content.dsseEnvelope)
    : readMessage(bundle, content.messageSignature, artifact);
}

function readEnvelope(bundle: Bundle, { payload, payloadType, signatures }: Envelope): Material {
  if (payloadType !== statementPayloadType) {
    refuse(
      'payload_invalid',
      `expected a payload of type ${statementPayloadType}, found "${payloadType}"`,
    );
  }

  const [signature] = signatures;
  if (signature === undefined || signatures.length !== 1) {
    refuse('bundle_invalid', `expected one signature in the envelope, found ${signatures.length}`);
  }

  const { predicateType, predicate, subject } = parseStatement(payload);
  const subjects = subject.map(({ digest, annotations }) => ({
    digest: `sha256:${digest.sha256}`,
    annotations: annotations ?? {},
  }));
  const claim: SignatureClaim =
    predicateType === signPredicateType
      ? { kind: 'signature', subjects }
      : { kind: 'attestation', subjects, predicateType, predicate };
  const signed = preAuthenticationEncoding(payloadType, payload);

  return toMaterial(bundle, new SignedBytes(signature.sig, signed, payload), claim);
}

function readMessage(
  bundle: Bundle,
  { messageDigest, signature }: MessageSignature,
  artifact: Artifact,
): Material {
  const message = new SignedMessage(signature, artifact);
  if (!message.compareSignedDigest(messageDigest.digest)) {
    const found = messageDigest.digest.toString('hex').slice(0, 128);
    refuse('digest_mismatch', `expected a signature of ${artifact.digest}, found one of ${found}`);
  }

  return toMaterial(bundle, message, { kind: 'message' });
}

/** DSSE v1: `"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), payload]);
}

/** The library accepts any one-digit version, and any text after it. */
const knownMediaTypes: string[] = [
  BUNDLE_V01_MEDIA_TYPE,
  BUNDLE_V02_MEDIA_TYPE,
  BUNDLE_V03_LEGACY_MEDIA_TYPE,
  BUNDLE_V03_MEDIA_TYPE,
];

function parseBundle(json: unknown): Bundle {
  try {
    const bundle = bundleFromJSON(json);
    if (knownMediaTypes.includes(bundle.mediaType)) return bundle;
  } catch (cause) {
    const fields = cause instanceof ValidationError ? ` (${cause.fields.join(', ')})` : '';
    const reason = cause instanceof Error ? `: ${cause.message}${fields}` : '';
    return refuse('bundle_invalid', `expected a Sigstore bundle${reason}`, cause);
  }
  return refuse(
    'bundle_invalid',
    'expected a Sigstore bundle of version 0.1, 0.2 or 0.3, found another version',
  );
}

function parseStatement(payload: Uint8Array) {
  try {
    const value = parseStrictJson(payload);
    requireExactKeys(value, statementKeys);
    if (valueNestsDeeper(value, limits.bundleDepthMax))
      throw new SyntaxError('found values nested too deeply to read');
    return statement.parse(value);
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? cause.message : 'found something else';
    const message = `expected an in-toto statement of version 1 or 0.1: ${reason}`;
    return refuse('payload_invalid', message, cause);
  }
}
