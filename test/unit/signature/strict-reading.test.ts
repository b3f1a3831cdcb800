import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { FoundSignature } from '../../../shared/domain/signatures/index.ts';
import {
  preAuthenticationEncoding,
  statementPayloadType,
} from '../../../shared/signature/bundle.ts';
import { signArtifact, verifyArtifact } from '../../../shared/signature/index.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const hex = digest.slice(7);
const other = 'cd'.repeat(32);
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const judge = (found: FoundSignature) =>
  verifyArtifact(digest, [found], {
    identities: [],
    keys: [publicKey.export({ format: 'pem', type: 'spki' }).toString()],
    require_tlog: false,
    trusted_root: null,
    attestations: [],
  });

/** A bundle whose statement has this text, signed by the trusted key. */
function bundled(text: string): FoundSignature {
  const payload = Buffer.from(text);
  const made = signArtifact({ digest, key: privateKey });
  const sig = sign('sha256', preAuthenticationEncoding(statementPayloadType, payload), privateKey);
  const dsseEnvelope = {
    ...made.dsseEnvelope,
    payload: payload.toString('base64'),
    signatures: [{ sig: sig.toString('base64'), keyid: '' }],
  };
  const bundle = { ...made, dsseEnvelope };
  return { format: 'bundle', source: 'referrers', claimed_digest: digest, bundle };
}

/** A legacy signature whose payload has this text, signed by the trusted key. */
function legacy(text: string, encoding: BufferEncoding = 'base64'): FoundSignature {
  const payload = Buffer.from(text);
  const signature = sign('sha256', payload, privateKey).toString(encoding);
  return {
    format: 'legacy',
    source: 'legacy_tag',
    claimed_digest: digest,
    payload: payload.toString('base64'),
    annotations: { 'dev.cosignproject.cosign/signature': signature },
  };
}

const statement = (subject: string, more = '') =>
  `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://sigstore.dev/cosign/sign/v1",${more}"predicate":{},"subject":[${subject}]}`;
const subject = `{"digest":{"sha256":"${hex}"}}`;
const payload = (critical: string, more = '') =>
  `{"critical":{"identity":{"docker-reference":""},"image":${critical},"type":"cosign container image signature"}${more},"optional":null}`;
const image = `{"docker-manifest-digest":"${digest}"}`;

test('a statement and a payload that say one thing are read', () => {
  expect(judge(bundled(statement(subject)))).toMatchObject({ verified: true });
  expect(judge(legacy(payload(image)))).toMatchObject({ verified: true });
});

describe('a signed text that another reader understands differently is refused', () => {
  test.each([
    ['two digests of one name', statement(`{"digest":{"sha256":"${other}","sha256":"${hex}"}}`)],
    ['two lists of subjects', statement(subject, `"subject":[{"digest":{"sha256":"${other}"}}],`)],
    ['a key in another case', statement(subject, `"Subject":[{"digest":{"sha256":"${other}"}}],`)],
    ['a digest in another case', statement(`{"digest":{"sha256":"${hex}"},"DIGEST":{}}`)],
    ['the long s', statement(subject, '"\\u017fubject":[],')],
    ['a byte order mark', `\ufeff${statement(subject)}`],
    ['half a character', statement(subject, '"note":"\\ud800",')],
  ])('a statement with %s', (_what, text) => {
    expect(judge(bundled(text))).toMatchObject({ verified: false, code: 'payload_invalid' });
  });

  test.each([
    ['two digests', payload(`{"docker-manifest-digest":"sha256:${other}",${image.slice(1)}`)],
    ['a key in another case', payload(image, `,"Critical":{"image":{}}`)],
    ['the Kelvin sign', payload(`{"doc\u212aer-manifest-digest":"x",${image.slice(1)}`)],
    ['a byte order mark', `\ufeff${payload(image)}`],
  ])('a legacy payload with %s', (_what, text) => {
    expect(judge(legacy(text))).toMatchObject({ verified: false, code: 'payload_invalid' });
  });

  test('a legacy signature in the base64 of URLs', () => {
    // A signature with one of the characters that differ.
    for (;;) {
      const found = legacy(payload(image), 'base64url');
      if (found.format !== 'legacy') throw new Error('expected a legacy signature');
      if (!/[-_]/.test(found.annotations['dev.cosignproject.cosign/signature'] ?? '')) continue;

      expect(judge(found)).toMatchObject({ verified: false, code: 'bundle_invalid' });
      return;
    }
  });
});

test('other keys of a predicate may be in any case', () => {
  const text = statement(subject).replace('"predicate":{}', '"predicate":{"Digest":1,"TYPE":2}');
  expect(judge(bundled(text))).toMatchObject({ verified: true });
});

describe('an envelope', () => {
  const statement = JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
    subject: [{ name: '', digest: { sha256: hex }, annotations: {} }],
  });
  const changed = (change: (envelope: Record<string, unknown>) => object): FoundSignature => {
    const found = bundled(statement);
    if (found.format !== 'bundle') throw new Error('expected a bundle');
    const { dsseEnvelope, ...bundle } = found.bundle as { dsseEnvelope: Record<string, unknown> };
    return { ...found, bundle: { ...bundle, dsseEnvelope: change(dsseEnvelope) } };
  };

  test.each<[string, (envelope: Record<string, unknown>) => object, string]>([
    ['as it was made', (envelope) => envelope, 'verified'],
    [
      'with a signature more',
      (envelope) => ({
        ...envelope,
        signatures: [envelope.signatures, envelope.signatures].flat(),
      }),
      'bundle_invalid',
    ],
    ['without a signature', (envelope) => ({ ...envelope, signatures: [] }), 'bundle_invalid'],
    [
      'of another type of payload',
      (envelope) => ({ ...envelope, payloadType: 'text/plain' }),
      'payload_invalid',
    ],
  ])('%s', (_, change, code) => {
    expect(judge(changed(change)).code).toBe(code);
  });
});
