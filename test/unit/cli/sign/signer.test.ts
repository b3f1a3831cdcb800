import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { IdentityProvider } from '../../../../cli/sign/identity.ts';
import { createKeyedSigner, createKeylessSigner } from '../../../../cli/sign/signer.ts';
import { cosignCase, readBundles } from '../../../../scripts/cosign-fixtures.ts';
import type {
  FoundSignature,
  SignaturePolicy,
} from '../../../../shared/domain/signatures/index.ts';
import {
  attestStatement,
  chooseServices,
  predicateTypes,
  type SigningServices,
  signStatement,
  verifyArtifact,
} from '../../../../shared/signature/index.ts';
import { toCosign2 } from '../../../support/attestation.ts';
import {
  makeToken,
  type SigstoreServer,
  startSigstoreServer,
} from '../../../support/sigstore-server.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

let sigstore: SigstoreServer;
beforeAll(async () => {
  sigstore = await startSigstoreServer();
});
afterEach(() => sigstore.heal());
afterAll(() => sigstore.stop());

describe('a keyless signature', () => {
  test.each([1, 2] as const)('with a log of Rekor %s satisfies a policy', async (rekor) => {
    const { sign } = await keyless(services(rekor));
    const bundle = await sign(signStatement(digest, { commit: 'abc' }).payload);

    const verdict = verifyArtifact(digest, [found(bundle)], policy());
    expect(verdict.signatures.map(({ code, message }) => ({ code, message }))).toEqual([
      { code: 'verified', message: expect.any(String) },
    ]);
    expect(verdict.signatures[0]).toMatchObject({
      identity: 'https://git.test/acme/redis@refs/tags/v1.0.0',
      issuer: 'https://issuer.test',
      claims: { build_trigger: 'push' },
    });
  });

  test.each([
    [1, 'keyless-ok-rekor1'],
    [2, 'keyless-ok'],
  ] as const)("with Rekor %s has the shape of cosign's", async (rekor, name) => {
    const ours = await (await keyless(services(rekor))).sign(signStatement(digest).payload);
    const [theirs] = readBundles(cosignCase(name));
    expect(shapeOf(ours)).toEqual(shapeOf(theirs?.bundle));
  });

  test('with a timestamp alone satisfies a policy that asks for no log', async () => {
    const { sign } = await keyless({ ...services(1), rekor: [] });
    const bundle = await sign(signStatement(digest).payload);

    expect(verifyArtifact(digest, [found(bundle)], policy()).code).toBe('tlog_missing');
    expect(verifyArtifact(digest, [found(bundle)], policy({ require_tlog: false }))).toMatchObject({
      verified: true,
    });
  });

  test('of another identity, issuer or digest is refused', async () => {
    const bundle = await (await keyless(services(2))).sign(signStatement(digest).payload);
    const verdict = (identity_regexp: string, issuer_regexp: string, of = digest) =>
      verifyArtifact(
        of,
        [found(bundle)],
        policy({ identities: [{ identity_regexp, issuer_regexp }] }),
      ).code;

    expect(verdict('^https://git\\.test/evil/.*$', '^https://issuer\\.test$')).toBe(
      'identity_mismatch',
    );
    expect(verdict('^https://git\\.test/acme/.*$', '^https://evil\\.test$')).toBe(
      'issuer_mismatch',
    );
    expect(verdict('^https://git\\.test/.*$', '^https://.*$', `sha256:${'cd'.repeat(32)}`)).toBe(
      'digest_mismatch',
    );
  });

  test('shares its certificate with the next one of the command', async () => {
    const { sign } = await keyless(services(2));
    const before = sigstore.requests.length;
    const bundles = [];
    for (const commit of ['abc', 'abd'])
      bundles.push(await sign(signStatement(digest, { commit }).payload));

    const asked = sigstore.requests.slice(before).filter(({ url }) => url.includes('signingCert'));
    expect(asked).toHaveLength(1);
    const { signatures } = verifyArtifact(digest, bundles.map(found), policy());
    expect(signatures.map(({ verified }) => verified)).toEqual([true, true]);
  });

  test('counts with the attestations that a policy demands', async () => {
    const { sign } = await keyless(services(2));
    const provenance = { runDetails: { builder: { id: 'https://git.test/builder' } } };
    const statement = attestStatement({
      subjects: [{ name: 'r.test/redis', digest }],
      predicateType: predicateTypes.slsaprovenance1,
      predicate: provenance,
    });
    const signature = found(await sign(signStatement(digest).payload));
    const attestation = found(await sign(statement.payload));

    const wanted = policy({
      attestations: [
        {
          predicate_type: 'https://slsa.dev/provenance',
          builder_regexp: '^https://git\\.test/.*$',
        },
      ],
    });
    expect(verifyArtifact(digest, [signature, attestation], wanted).code).toBe('verified');
    expect(verifyArtifact(digest, [signature], wanted).code).toBe('attestation_missing');
    expect(verifyArtifact(digest, [attestation], wanted).code).toBe('attestation_only');
  });

  test('counts with an attestation in the form of cosign 2', async () => {
    const { sign } = await keyless(services(1));
    const signature = found(await sign(signStatement(digest).payload));
    const predicateType = predicateTypes.cyclonedx;
    const subjects = [{ name: 'r.test/redis', digest }];
    const statement = attestStatement({ subjects, predicateType, predicate: {} });
    const attestation = toCosign2(await sign(statement.payload));

    const wanted = policy({ attestations: [{ predicate_type: predicateType }] });
    expect(verifyArtifact(digest, [signature, attestation], wanted).code).toBe('verified');

    const { 'dev.sigstore.cosign/bundle': _, ...others } = attestation.annotations;
    const unlogged = { ...attestation, annotations: others };
    const verdict = verifyArtifact(digest, [signature, unlogged], wanted);
    expect(verdict.code).toBe('attestation_missing');
    expect(verdict.signatures[1]?.message).toContain('tlog_missing');
  });
});

describe('a signature by a key', () => {
  const keys = {
    p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  };

  test.each([
    ['p256', 1],
    ['p256', 2],
    ['rsa', 1],
    ['rsa', 2],
  ] as const)('of %s is logged in Rekor %s', async (kind, rekor) => {
    const { privateKey, publicKey } = keys[kind];
    const { sign } = await createKeyedSigner(privateKey, services(rekor));
    const bundle = await sign(signStatement(digest).payload);

    const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
    expect(
      verifyArtifact(digest, [found(bundle)], policy({ identities: [], keys: [pem] })),
    ).toMatchObject({ verified: true });
  });

  test('of Ed25519 is refused for Rekor 2, which logs no such signature', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const { sign } = await createKeyedSigner(privateKey, services(2));
    await expect(sign(signStatement(digest).payload)).rejects.toMatchObject({
      code: 'key_invalid',
    });
  });
});

describe('a service that fails', () => {
  const sign = async (provider?: IdentityProvider) =>
    (await keyless(services(1), provider)).sign(signStatement(digest).payload);

  test.each([
    ['fulcio', 'refuses', 'certificate_refused', /audience/],
    ['fulcio', 'fails', 'signing_service_error', /certificate authority .*the service said no/],
    ['fulcio', 'hangs up', 'signing_service_unreachable', /--fulcio-url/],
    ['rekor', 'refuses', 'signing_service_error', /transparency log/],
    ['rekor', 'hangs up', 'signing_service_unreachable', /--rekor-url/],
    ['tsa', 'fails', 'signing_service_error', /timestamp authority/],
    ['tsa', 'hangs up', 'signing_service_unreachable', /--timestamp-server-url/],
  ] as const)('%s that %s ends with %s', async (route, fault, code, words) => {
    sigstore.fail(route, fault);
    await expect(sign()).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  });

  test.each([
    ['fails', /the service said no/],
    ['never ends', /a response of more than/],
  ] as const)('Rekor 2 that %s is named as well', async (fault, words) => {
    sigstore.fail('rekor', fault);
    const signer = await keyless(services(2));
    await expect(signer.sign(signStatement(digest).payload)).rejects.toMatchObject({
      code: 'signing_service_error',
      message: expect.stringMatching(words),
    });
  });

  test('a token that Fulcio does not accept is not quoted', async () => {
    const token = await makeToken({ audience: 'another' });
    await expect(
      sign({ prepare: async () => {}, getToken: async () => token }),
    ).rejects.toMatchObject({
      code: 'certificate_refused',
      message: expect.not.stringContaining(token),
    });
  });
});

function services(rekor: 1 | 2): SigningServices {
  return chooseServices(sigstore.signingConfig(rekor), new Date());
}

function keyless(
  chosen: SigningServices,
  provider: IdentityProvider = { prepare: async () => {}, getToken: () => makeToken({}) },
) {
  return createKeylessSigner(chosen.fulcio ?? '', provider, chosen);
}

function found(bundle: unknown): FoundSignature {
  return { format: 'bundle', source: 'referrers', claimed_digest: digest, bundle };
}

function policy(changes: Partial<SignaturePolicy> = {}): SignaturePolicy {
  return {
    identities: [
      {
        identity_regexp: '^https://git\\.test/acme/redis@refs/tags/.*$',
        issuer_regexp: '^https://issuer\\.test$',
      },
    ],
    keys: [],
    require_tlog: true,
    trusted_root: sigstore.trustedRoot,
    ...changes,
  };
}

/**
 * The keys of a document in their order, without its values. The position in the log is left out
 * where it is 0, and the tree of the mock has one entry.
 */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return null;
  return Object.entries(value)
    .filter(([key]) => key !== 'logIndex' && key !== 'hashes')
    .map(([key, inner]) => [key, shapeOf(inner)]);
}
