import { generateKeyPairSync, hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type {
  AttestationRequirement,
  FoundSignature,
  SignaturePolicy,
} from '../../../shared/domain/signatures/index.ts';
import { readDocument, signArtifact, verifyArtifact } from '../../../shared/signature/index.ts';
import { attest } from '../../support/attestation.ts';

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
  of = digest,
) {
  return found(attest(of, key, predicateType, predicate));
}

const provenance = attestation(`${slsa}/v1`, {
  runDetails: { builder: { id: builder } },
  buildDefinition: { externalParameters: { source: 'git+https://git.test/redis@refs/tags/v1' } },
});

function judge(candidates: FoundSignature[], attestations: AttestationRequirement[] = []) {
  const policy: SignaturePolicy = {
    identities: [],
    keys: [author.publicKey.export({ format: 'pem', type: 'spki' }).toString()],
    require_tlog: false,
    trusted_root: null,
    attestations,
  };
  return verifyArtifact(digest, candidates, policy);
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
