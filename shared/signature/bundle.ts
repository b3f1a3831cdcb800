import { type Bundle, bundleFromJSON, ValidationError } from '@sigstore/bundle';
import { z } from 'zod';
import { signPredicateType } from '../domain/signature.ts';
import { type Material, SignedBytes, toMaterial } from './material.ts';
import { refuse } from './refusal.ts';

export const statementPayloadType = 'application/vnd.in-toto+json';

// in-toto Statement v1 and v0.1; `cosign attest` still writes the older one.
const statement = z.looseObject({
  _type: z.enum(['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1']),
  predicateType: z.string(),
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

/**
 * Takes a Sigstore bundle (v0.1 to v0.3) apart that holds a DSSE envelope over an in-toto statement of cosign's sign type.
 * @param json the bundle as parsed JSON
 * @throws Refusal `bundle_invalid`, `payload_invalid`, `attestation_only`, `certificate_invalid`
 */
export function readBundle(json: unknown): Material {
  const bundle = parseBundle(json);
  if (bundle.content.$case !== 'dsseEnvelope') {
    // Such a bundle signs a blob's bytes; nothing in it says that the blob is this artifact's manifest.
    refuse('payload_invalid', 'expected a DSSE envelope with a statement, found a signature over a message');
  }
  const { payload, payloadType, signatures } = bundle.content.dsseEnvelope;
  if (payloadType !== statementPayloadType) {
    refuse('payload_invalid', `expected a payload of type ${statementPayloadType}, found "${payloadType}"`);
  }
  const [signature] = signatures;
  if (signature === undefined || signatures.length !== 1) {
    refuse('bundle_invalid', `expected one signature in the envelope, found ${signatures.length}`);
  }
  const { predicateType, subject } = parseStatement(payload);
  if (predicateType !== signPredicateType) {
    refuse(
      'attestation_only',
      `expected a signature (${signPredicateType}), found an attestation of type "${predicateType}"`,
    );
  }
  const subjects = subject.map(({ digest, annotations }) => ({
    digest: `sha256:${digest.sha256}`,
    annotations: annotations ?? {},
  }));
  const signed = preAuthenticationEncoding(payloadType, payload);
  return toMaterial(bundle, new SignedBytes(signature.sig, signed, payload), { subjects });
}

/** DSSE v1: `"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), payload]);
}

function parseBundle(json: unknown): Bundle {
  try {
    return bundleFromJSON(json);
  } catch (cause) {
    const fields = cause instanceof ValidationError ? ` (${cause.fields.join(', ')})` : '';
    const reason = cause instanceof Error ? `: ${cause.message}${fields}` : '';
    return refuse('bundle_invalid', `expected a Sigstore bundle${reason}`, cause);
  }
}

function parseStatement(payload: Uint8Array) {
  try {
    return statement.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)));
  } catch (cause) {
    return refuse('payload_invalid', 'expected an in-toto statement of version 1 or 0.1, found something else', cause);
  }
}
