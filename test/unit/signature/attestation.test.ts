import { generateKeyPairSync, hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { cosignCase, foundSignaturesOf, policyOf } from '../../../scripts/cosign-fixtures.ts';
import type {
  AttestationRequirement,
  FoundSignature,
  SignaturePolicy,
} from '../../../shared/domain/signatures/index.ts';
import { readDocument, signArtifact, verifyArtifact } from '../../../shared/signature/index.ts';
import { attest, toCosign2 } from '../../support/attestation.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const author = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const slsa = 'https://slsa.dev/provenance';
const builder = 'https://github.com/acme/builder/.github/workflows/build.yml@refs/tags/v1';

function found(bundle: unknown): FoundSignature {
  return { format: 'bundle', source: 'referrers', claimed_digest: digest, bundle };
}

const signature = found(signArtifact({ digest, key: author.privateKey }));

function attestation(
  predicateType: string,
  predicate: unknown,
  key = author.privateKey,
  of: Parameters<typeof attest>[0] = digest,
) {
  return found(attest(of, key, predicateType, predicate));
}

const provenance = attestation(`${slsa}/v1`, {
  runDetails: { builder: { id: builder } },
  buildDefinition: { externalParameters: { source: 'git+https://git.test/redis@refs/tags/v1' } },
});

function judge(
  candidates: FoundSignature[],
  attestations: AttestationRequirement[] = [],
  builds: string[] = [],
) {
  const policy: SignaturePolicy = {
    identities: [],
    keys: [author.publicKey.export({ format: 'pem', type: 'spki' }).toString()],
    require_tlog: false,
    trusted_root: null,
    attestations,
  };
  return verifyArtifact(digest, candidates, policy, builds);
}

describe('attestations', () => {
  test('never count as signatures, by any signer', () => {
    expect(judge([provenance])).toMatchObject({ verified: false, code: 'attestation_only' });
    expect(judge([provenance], [{ predicate_type: slsa }])).toMatchObject({
      verified: false,
      code: 'attestation_only',
    });
  });

  test('are verified like signatures, and summarised when they do', () => {
    const verdict = judge([
      signature,
      provenance,
      attestation('https://cyclonedx.org/bom', {}, stranger.privateKey),
    ]);

    expect(verdict.code).toBe('verified');
    expect(verdict.signatures.map(({ attestation }) => attestation)).toEqual([
      undefined,
      expect.objectContaining({ predicate_type: `${slsa}/v1`, builder_id: builder }),
      undefined,
    ]);
  });

  test.each([
    ['of the type in any version', { predicate_type: slsa }, 'verified'],
    ['of the very type', { predicate_type: `${slsa}/v1` }, 'verified'],
    [
      'by the builder',
      { predicate_type: slsa, builder_regexp: '^https://github\\.com/acme/' },
      'verified',
    ],
    [
      'by another builder',
      { predicate_type: slsa, builder_regexp: '^https://evil\\.test/' },
      'attestation_missing',
    ],
    [
      'of the source',
      { predicate_type: slsa, source_regexp: '^https://git\\.test/redis$' },
      'verified',
    ],
    [
      'of another source',
      { predicate_type: slsa, source_regexp: '^https://git\\.test/other$' },
      'attestation_missing',
    ],
    [
      'of the source by another builder',
      { predicate_type: slsa, source_regexp: '/redis$', builder_regexp: '^https://evil\\.test/' },
      'attestation_missing',
    ],
    ['of another version', { predicate_type: `${slsa}/v0.2` }, 'attestation_missing'],
    [
      'of a type that only begins alike',
      { predicate_type: 'https://slsa.dev/prov' },
      'attestation_missing',
    ],
    ['of another type', { predicate_type: 'https://spdx.dev/Document' }, 'attestation_missing'],
  ])('can be demanded: %s', (_, requirement, code) => {
    expect(judge([signature, provenance], [requirement]).code).toBe(code);
  });

  test('of the older SLSA name their builder elsewhere', () => {
    const older = attestation(`${slsa}/v0.2`, { builder: { id: builder } });
    const requirement = { predicate_type: `${slsa}/v0.2`, builder_regexp: '/acme/builder/' };
    expect(judge([signature, older], [requirement]).code).toBe('verified');
  });

  test('by a stranger, or of another artifact, meet no demand', () => {
    const predicate = { runDetails: { builder: { id: builder } } };
    const foreign = attestation(`${slsa}/v1`, predicate, stranger.privateKey);

    const other = attestation(
      `${slsa}/v1`,
      predicate,
      author.privateKey,
      `sha256:${'cd'.repeat(32)}`,
    );

    expect(judge([signature, foreign, other], [{ predicate_type: slsa }])).toMatchObject({
      verified: false,
      code: 'attestation_missing',
      message: `expected a verified attestation of type ${slsa}, found none`,
    });
  });

  test('meet no demand of one attestation together', () => {
    const built = { runDetails: { builder: { id: builder } } };
    const fromSource = {
      runDetails: { builder: { id: 'https://elsewhere.test' } },
      buildDefinition: { externalParameters: { source: 'git+https://git.test/redis' } },
    };
    const candidates = [built, fromSource].map((one) => attestation(`${slsa}/v1`, one));
    const required = {
      predicate_type: slsa,
      builder_regexp: '^https://github',
      source_regexp: 'redis',
    };

    expect(judge([signature, ...candidates], [required])).toMatchObject({
      code: 'attestation_missing',
      message: expect.stringContaining('and of a source that matches /redis/, found none'),
    });
  });

  test('name the document that they hold by its digest', () => {
    const bom = { bomFormat: 'CycloneDX', specVersion: '1.6', components: [{ name: 'redis' }] };
    const attested = attestation('https://cyclonedx.org/bom', bom);
    const summary = judge([signature, attested]).signatures[1]?.attestation;
    const bytes = readDocument(attested);

    expect(JSON.parse(String(bytes))).toEqual(bom);
    expect(summary).toMatchObject({
      kind: 'sbom',
      sbom: { packages: 1 },
      document: { digest: `sha256:${hash('sha256', bytes ?? '', 'hex')}`, size: bytes?.length },
    });
  });

  test('are refused when a signed document nests too deeply to read', () => {
    let deep: unknown = {};
    for (let depth = 0; depth < 200; depth++) deep = [deep];
    const verdict = judge([signature, attestation('https://cyclonedx.org/bom', deep)]);

    expect(verdict.code).toBe('verified');
    expect(verdict.signatures[1]).toMatchObject({ code: 'payload_invalid', verified: false });
    expect(verdict.signatures[1]).not.toHaveProperty('attestation');
  });
});

describe('attestations of cosign 2', () => {
  const sbomType = 'https://cyclonedx.org/bom';

  test('that the real one wrote are verified and summarised', () => {
    const entry = cosignCase('keyed-legacy-attested');
    const required = [{ predicate_type: sbomType }, { predicate_type: slsa }];
    const policy = policyOf(entry, { attestations: required });
    const candidates = foundSignaturesOf(entry);
    const { code, signatures } = verifyArtifact(entry.digest, candidates, policy);

    expect(code).toBe('verified');
    expect(signatures.map(({ attestation }) => attestation)).toEqual([
      undefined,
      expect.objectContaining({ kind: 'sbom', format: 'CycloneDX 1.6' }),
      expect.objectContaining({ builder_id: 'https://git.test/acme/builder' }),
    ]);
    const documents = candidates.map((one) => readDocument(one)?.toString() ?? null);
    expect(documents[0]).toBeNull();
    expect(JSON.parse(documents[1] ?? '')).toMatchObject({ bomFormat: 'CycloneDX' });
  });

  const legacy = (bundle: unknown, change: Partial<ReturnType<typeof toCosign2>> = {}) => ({
    ...toCosign2(bundle),
    ...change,
  });
  const bundle = attest(digest, author.privateKey, sbomType, { a: 1 });
  const altered = attest(digest, author.privateKey, sbomType, { a: 2 });
  const encode = (value: unknown) => ({
    payload: Buffer.from(JSON.stringify(value)).toString('base64'),
  });
  const { payload, payloadType, signatures } = bundle.dsseEnvelope;
  const intoto = Buffer.from(JSON.stringify({ kind: 'intoto', apiVersion: '0.0.1' }));
  const entry = (body: string) => ({
    annotations: {
      'dev.sigstore.cosign/bundle': JSON.stringify({
        SignedEntryTimestamp: 'AA==',
        Payload: { body, integratedTime: 1, logIndex: 1, logID: '0'.repeat(64) },
      }),
    },
  });

  test.each<[string, FoundSignature, string]>([
    ['as it was written', legacy(bundle), 'verified'],
    ['without the annotation of signatures', legacy(bundle, { annotations: {} }), 'verified'],
    [
      'with a log entry that is not read',
      legacy(bundle, entry(intoto.toString('base64'))),
      'verified',
    ],
    ['with a log entry of nonsense', legacy(bundle, entry('AA==')), 'tlog_invalid'],
    ['by another key', legacy(attest(digest, stranger.privateKey, sbomType, {})), 'key_mismatch'],
    [
      'with another payload',
      legacy(bundle, encode({ ...bundle.dsseEnvelope, payload: altered.dsseEnvelope.payload })),
      'key_mismatch',
    ],
    [
      'about another digest',
      legacy(attest(`sha256:${'cd'.repeat(32)}`, author.privateKey, sbomType, {})),
      'digest_mismatch',
    ],
    [
      'with two signatures',
      legacy(bundle, encode({ payload, payloadType, signatures: [...signatures, ...signatures] })),
      'bundle_invalid',
    ],
    [
      'of another payload type',
      legacy(bundle, encode({ payload, payloadType: 'text/plain', signatures })),
      'payload_invalid',
    ],
    [
      'in the alphabet of URLs',
      legacy(bundle, encode({ payload: '_-__', payloadType, signatures })),
      'payload_invalid',
    ],
    [
      'with a field in another case',
      legacy(bundle, encode({ ...bundle.dsseEnvelope, Payload: payload })),
      'payload_invalid',
    ],
    [
      'that is a signature',
      legacy(signArtifact({ digest, key: author.privateKey })),
      'payload_invalid',
    ],
  ])('count %s: %s', (_, candidate, expected) => {
    const [, found] = judge([signature, candidate]).signatures;
    const code = found?.attestation === undefined ? found?.message : 'verified';
    expect(code === 'verified' ? code : `${found?.code} ${code}`).toContain(expected);
  });
});

describe('attestations about the builds of an index', () => {
  const [amd64, arm64] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`] as const;
  const sbomType = 'https://cyclonedx.org/bom';
  const of = (about: Parameters<typeof attest>[0], key = author.privateKey) =>
    attestation(sbomType, {}, key, about);
  const required = [{ predicate_type: sbomType }];

  test.each<[string, FoundSignature[], string]>([
    ['each build has one', [of(amd64), of(arm64)], 'verified'],
    ['the index has one', [of(digest)], 'verified'],
    ['one build has none', [of(amd64)], 'attestation_missing'],
    [
      'one is by another signer',
      [of(amd64), of(arm64, stranger.privateKey)],
      'attestation_missing',
    ],
    [
      'one is about what the index does not list',
      [of(amd64), of(`sha256:${'3'.repeat(64)}`)],
      'attestation_missing',
    ],
  ])('meet a requirement if %s', (name, found, code) => {
    expect(judge([signature, ...found], required, [amd64, arm64]).code).toBe(code);
    if (name === 'each build has one')
      expect(judge([signature, ...found], required).code).toBe('attestation_missing');
  });

  test('one statement about all of many builds is about the whole', () => {
    const builds = ['1', '2', '3', '4'].map((one) => `sha256:${one.repeat(64)}`);
    const [first = '', ...others] = builds;
    expect(judge([signature, of([first, ...others])], required, builds).code).toBe('verified');
    expect(judge([signature, of([first, ...others.slice(1)])], required, builds).code).toBe(
      'attestation_missing',
    );
  });

  test('say so, and a signature of a build is none of the index', () => {
    const signed = found(signArtifact({ digest: amd64, key: author.privateKey }));
    const { code, signatures } = judge([of(amd64), signed], [], [amd64, arm64]);
    expect(code).toBe('digest_mismatch');
    expect(signatures[0]?.attestation).toMatchObject({ subjects: [amd64], builds_only: true });
  });
});
