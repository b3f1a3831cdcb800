import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  type CosignCase,
  cosignCase,
  cosignCases,
  foundSignaturesOf,
  policyOf,
  readFixture,
} from '../../../scripts/cosign-fixtures.ts';
import type { FoundSignature, SignaturePolicy } from '../../../shared/domain/signatures/index.ts';
import {
  signArtifact,
  verifyArtifact,
  verifyBundle,
  verifySignature,
} from '../../../shared/signature/index.ts';
import { cpuMs } from '../../support/cpu.ts';
import { startPrivateSigstore } from '../../support/private-sigstore.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const anyone = [{ identity_regexp: '.', issuer_regexp: '.' }];

function keyPair() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, pem: publicKey.export({ format: 'pem', type: 'spki' }).toString() };
}

function foundBundle(bundle: unknown): FoundSignature {
  return { format: 'bundle', source: 'referrers', claimed_digest: digest, bundle };
}

function messageBundle(message: Buffer, key: KeyObject) {
  const { mediaType, verificationMaterial } = signArtifact({ digest, key });
  const messageDigest = {
    algorithm: 'SHA2_256',
    digest: createHash('sha256').update(message).digest('base64'),
  };
  const signature = sign('sha256', message, key).toString('base64');

  return { mediaType, verificationMaterial, messageSignature: { messageDigest, signature } };
}

const keyed = (keys: string[], changes: Partial<SignaturePolicy> = {}): SignaturePolicy => ({
  identities: [],
  keys,
  require_tlog: false,
  trusted_root: null,
  ...changes,
});

function judge(name: string, changes: Partial<SignaturePolicy> = {}) {
  const entry = cosignCase(name);
  return verifyArtifact(entry.digest, foundSignaturesOf(entry), policyOf(entry, changes));
}

interface BundleMaterial {
  tlogEntries?: unknown[];
  timestampVerificationData?: { rfc3161Timestamps?: unknown[] };
}

/** A case's bundles with their verification material changed. */
function altered(
  entry: CosignCase,
  change: (material: BundleMaterial) => unknown,
): FoundSignature[] {
  return foundSignaturesOf(entry).map((one) => {
    if (one.format !== 'bundle') throw new Error('expected bundles');
    const bundle = structuredClone(one.bundle) as { verificationMaterial: BundleMaterial };
    change(bundle.verificationMaterial);
    return { ...one, bundle };
  });
}

describe('artifacts signed by the real cosign', () => {
  test.each(cosignCases)('$name: $expected', (entry) => {
    const verdict = verifyArtifact(entry.digest, foundSignaturesOf(entry), policyOf(entry));
    expect(verdict.verified).toBe(entry.expected === 'pass');
  });

  test('the bundle of one artifact is not valid for another', () => {
    const candidates = cosignCases.flatMap((entry) => foundSignaturesOf(entry));
    for (const entry of [cosignCase('keyless-ok'), cosignCase('keyed-bundle-ok')]) {
      const own = foundSignaturesOf(entry).length;
      const verdict = verifyArtifact(digest, candidates, policyOf(entry));
      expect(own).toBe(1);
      expect(verdict.verified).toBe(false);
    }
  });
});

describe('what a policy asks for', () => {
  test('without the demand for a log entry, keyless still needs a signed timestamp', () => {
    expect(judge('keyless-tsa-only').code).toBe('verified');
    expect(judge('keyless-tsa-only', { require_tlog: true }).code).toBe('tlog_missing');

    const entry = cosignCase('keyless-tsa-only');
    const bare = altered(entry, (material) => {
      delete material.timestampVerificationData;
    });
    const verdict = verifyArtifact(entry.digest, bare, policyOf(entry));

    expect(verdict.code).toBe('timestamp_missing');
  });

  test('an entry of Rekor v2 states no time: without a timestamp the certificate has none', () => {
    const entry = cosignCase('keyless-ok');
    const bare = altered(entry, (material) => {
      delete material.timestampVerificationData;
    });
    const verdict = verifyArtifact(entry.digest, bare, policyOf(entry));

    expect(verdict.code).toBe('timestamp_missing');
  });

  test('a key needs its log when a log entry is demanded, and no trust root otherwise', () => {
    expect(judge('keyed-bundle-ok', { require_tlog: false, trusted_root: null }).code).toBe(
      'verified',
    );
    expect(judge('keyed-bundle-ok', { require_tlog: true, trusted_root: null }).code).toBe(
      'tlog_invalid',
    );
  });

  test('the public-good root does not trust a private one', () => {
    expect(judge('keyless-ok', { trusted_root: null }).verified).toBe(false);
    expect(judge('keyless-legacy-ok', { trusted_root: null }).verified).toBe(false);
  });

  test('signatures of the other kind get a verdict that says so', () => {
    const keys = [readFixture('keys/good.pub')];
    expect(judge('keyless-ok', { identities: [], keys }).code).toBe('mode_mismatch');
    expect(judge('keyless-legacy-ok', { identities: [], keys }).code).toBe('mode_mismatch');
    expect(judge('keyed-bundle-ok', { identities: anyone, keys: [] }).code).toBe('mode_mismatch');
    expect(judge('keyed-legacy-ok', { identities: anyone, keys: [] }).code).toBe('mode_mismatch');
  });

  test('identity and issuer are a pair: halves of two do not add up', () => {
    const { identity_regexp, issuer_regexp } = cosignCase('keyless-ok');
    const crossed = [
      { identity_regexp: identity_regexp ?? '', issuer_regexp: '^https://other$' },
      { identity_regexp: '^other$', issuer_regexp: issuer_regexp ?? '' },
    ];

    expect(judge('keyless-ok', { identities: crossed }).code).toBe('issuer_mismatch');
    const second = [...crossed, { identity_regexp: '^https://git', issuer_regexp: '7101$' }];

    expect(judge('keyless-ok', { identities: second }).code).toBe('verified');
  });

  test('the sentence says who signed and who was expected', () => {
    expect(judge('keyless-wrong-identity').message).toBe(
      'signed by "https://git.ipnode.test/evil/modules/my-redis-module@refs/tags/v0.1.0", expected to match ' +
        `/${cosignCase('keyless-ok').identity_regexp}/`,
    );
  });

  test('one key of several suffices', () => {
    const { pem } = keyPair();
    expect(judge('keyed-bundle-ok', { keys: [pem, readFixture('keys/good.pub')] }).code).toBe(
      'verified',
    );
    expect(judge('keyed-bundle-ok', { keys: [pem] }).code).toBe('key_mismatch');
  });

  test('annotations must be in what was signed', () => {
    const { privateKey, pem } = keyPair();
    const bundle = signArtifact({ digest, key: privateKey, annotations: { commit: 'abc' } });
    const codeWith = (annotations: Record<string, string>) =>
      verifyArtifact(digest, [foundBundle(bundle)], keyed([pem], { annotations })).code;

    expect(codeWith({ commit: 'abc' })).toBe('verified');
    expect(codeWith({ commit: 'abd' })).toBe('annotation_mismatch');
    expect(codeWith({ other: 'abc' })).toBe('annotation_mismatch');
    expect(codeWith({ toString: 'abc' })).toBe('annotation_mismatch');
  });

  test.each([
    ['a broken key', { keys: ['nonsense'] }, 'key_invalid'],
    ['a broken root', { trusted_root: { mediaType: 'x' } }, 'trusted_root_invalid'],
    [
      'a broken regexp',
      { identities: [{ identity_regexp: '(', issuer_regexp: '.' }] },
      'regexp_invalid',
    ],
  ])('%s in a policy verifies nothing and throws nothing', (_, changes, code) => {
    expect(judge('keyless-ok', changes).code).toBe(code);
  });
});

describe('a workflow of Gitea', () => {
  test.each([
    ['its own repository, tag and trigger', {}, 'verified'],
    ['another trigger', { build_trigger: '^release$' }, 'claim_mismatch'],
    ['another workflow', { build_config_uri: '/build\\.yml@' }, 'claim_mismatch'],
    ['a branch', { source_repository_ref: '^refs/heads/' }, 'claim_mismatch'],
  ])('can be held to %s by what its certificate says', (_, claims, code) => {
    const entry = cosignCase('keyless-ok');
    const { identities } = policyOf(entry);

    const demanded = {
      source_repository_uri: '^https://git\\.ipnode\\.test/acme/modules/my-redis-module$',
      source_repository_ref: '^refs/tags/v',
      build_config_uri: '/\\.gitea/workflows/release\\.yml@',
      build_trigger: '^push$',
      ...claims,
    };

    expect(
      judge('keyless-ok', { identities: identities.map((pair) => ({ ...pair, claims: demanded })) })
        .code,
    ).toBe(code);
  });
});

describe('verdicts', () => {
  test('an unreadable signature says why and hides no other', () => {
    const unreadable: FoundSignature = {
      ...foundBundle(null),
      unreadable: { code: 'blob_digest_mismatch', message: 'other bytes' },
    };
    const entry = cosignCase('keyed-bundle-ok');

    const verdict = verifyArtifact(
      entry.digest,
      [unreadable, ...foundSignaturesOf(entry)],
      policyOf(entry),
    );

    expect(verdict.signatures.map(({ code }) => code)).toEqual([
      'blob_digest_mismatch',
      'verified',
    ]);
    expect(verdict.verified).toBe(true);
    expect(verifyArtifact(entry.digest, [unreadable], policyOf(entry)).code).toBe(
      'blob_digest_mismatch',
    );
  });

  test('the most telling reason stands for the artifact', () => {
    const mixed = [
      ...foundSignaturesOf(cosignCase('attestation-only')),
      foundBundle('nonsense'),
      ...foundSignaturesOf(cosignCase('keyless-wrong-identity')),
    ];

    const entry = cosignCase('keyless-wrong-identity');
    expect(verifyArtifact(entry.digest, mixed, policyOf(entry)).code).toBe('identity_mismatch');
    expect(verifyArtifact(entry.digest, mixed.slice(0, 2), policyOf(entry)).code).toBe(
      'bundle_invalid',
    );
    expect(verifyArtifact(entry.digest, mixed.slice(0, 1), policyOf(entry)).code).toBe(
      'attestation_only',
    );
    expect(verifyArtifact(entry.digest, [], policyOf(entry)).code).toBe('unsigned');
  });

  test('text of strangers is shown without control characters, and truncated', () => {
    const { privateKey, pem } = keyPair();
    const bundle = signArtifact({ digest, key: privateKey });
    const statement = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString());

    statement.predicateType = `\u001b[2Jhttps://evil/${'x'.repeat(100_000)}`;
    bundle.dsseEnvelope.payload = Buffer.from(JSON.stringify(statement)).toString('base64');

    const { code, message } = verifySignature(foundBundle(bundle), digest, keyed([pem]));
    expect(code).toBe('attestation_only');
    expect(message).not.toContain('\u001b');
    expect(message.length).toBeLessThanOrEqual(1000);
  });

  test('a signature over the bytes of the manifest is one of a file, never one of a module', () => {
    const { privateKey, pem } = keyPair();
    const manifest = Buffer.from('{"schemaVersion":2}');
    const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
    const bundle = messageBundle(manifest, privateKey);

    expect(verifySignature(foundBundle(bundle), digest, keyed([pem]))).toMatchObject({
      verified: false,
      code: 'payload_invalid',
      message: expect.stringContaining('cosign sign-blob'),
    });
    expect(verifyArtifact(digest, [foundBundle(bundle)], keyed([pem])).verified).toBe(false);

    const file = (policy: SignaturePolicy, of = digest) =>
      verifyBundle(bundle, { digest: of }, policy).code;
    expect(file(keyed([pem]))).toBe('verified');
    expect(file(keyed([keyPair().pem]))).toBe('key_mismatch');
    expect(file(keyed([pem]), `sha256:${'ab'.repeat(32)}`)).toBe('digest_mismatch');
    expect(file(keyed([pem], { annotations: { a: 'b' } }))).toBe('annotation_mismatch');
  });

  test('a statement about several subjects covers each, by sha256 only', () => {
    const { privateKey, pem } = keyPair();
    const other = `sha256:${'cd'.repeat(32)}`;
    const bundle = signArtifact({ digest: other, key: privateKey });

    expect(verifySignature(foundBundle(bundle), other, keyed([pem])).code).toBe('verified');
    expect(verifySignature(foundBundle(bundle), digest, keyed([pem])).code).toBe('digest_mismatch');
  });

  test('an envelope with a second signature is refused', () => {
    const { privateKey, pem } = keyPair();
    const bundle = signArtifact({ digest, key: privateKey }) as {
      dsseEnvelope: { signatures: unknown[] };
    };

    bundle.dsseEnvelope.signatures.push(bundle.dsseEnvelope.signatures[0]);
    expect(verifySignature(foundBundle(bundle), digest, keyed([pem]))).toMatchObject({
      code: 'bundle_invalid',
      message: expect.stringContaining('dsseEnvelope.signatures'),
    });
  });

  test.each([
    [16, 'tlog_invalid', /./],
    [17, 'bundle_invalid', /at most 16/],
  ])('of %i log entries and timestamps in all the code is %s', (count, code, message) => {
    const entry = cosignCase('keyless-ok');
    const many = altered(entry, (material) => {
      const timestamps = material.timestampVerificationData?.rfc3161Timestamps?.length ?? 0;
      material.tlogEntries = Array(count - timestamps).fill(material.tlogEntries?.[0]);
    });
    const verdict = verifyArtifact(entry.digest, many, policyOf(entry));

    expect(verdict.code).toBe(code);
    expect(verdict.message).toMatch(message);
  });

  test('the same entry twice is not two', () => {
    const entry = cosignCase('keyless-ok');
    const twice = altered(entry, ({ tlogEntries }) => tlogEntries?.push(tlogEntries[0]));
    expect(verifyArtifact(entry.digest, twice, policyOf(entry)).code).toBe('tlog_invalid');
  });
});

describe('proof for other trust roots as well', () => {
  const entry = cosignCase('keyless-ok');
  const judgeAltered = (change: (material: BundleMaterial) => unknown) =>
    verifyArtifact(entry.digest, altered(entry, change), policyOf(entry));

  const stranger = (logEntry: unknown) => ({
    ...(logEntry as object),
    logId: { keyId: Buffer.alloc(32, 7).toString('base64') },
  });

  /** A timestamp of the signature by an authority that the trust root does not have. */
  async function strangeTimestamp(): Promise<{ signedTimestamp: string }> {
    const [found] = foundSignaturesOf(entry);
    if (found?.format !== 'bundle') throw new Error('expected a bundle');
    const { dsseEnvelope } = found.bundle as { dsseEnvelope: { signatures: { sig: string }[] } };

    const sigstore = await startPrivateSigstore(new Date());
    const { annotations } = await sigstore.timestamped({
      format: 'legacy',
      source: 'legacy_tag',
      claimed_digest: digest,
      payload: '',
      annotations: { 'dev.cosignproject.cosign/signature': dsseEnvelope.signatures[0]?.sig ?? '' },
    });

    const text = annotations['dev.sigstore.cosign/rfc3161timestamp'] ?? '';
    return { signedTimestamp: JSON.parse(text).SignedRFC3161Timestamp };
  }

  test('a log entry of an unknown log does not spoil one of a known log', () => {
    const verdict = judgeAltered(({ tlogEntries }) => tlogEntries?.push(stranger(tlogEntries[0])));
    expect(verdict.code).toBe('verified');
    expect(verdict.signatures[0]?.proof?.log_entries).toHaveLength(1);
  });

  test('a log entry of an unknown log alone is not enough, and its time does not count', () => {
    const verdict = judgeAltered((material) => {
      material.tlogEntries = material.tlogEntries?.map(stranger) ?? [];
    });
    expect(verdict.code).toBe('tlog_invalid');
  });

  test('a timestamp of an unknown authority does not spoil one of a known authority', async () => {
    const strange = await strangeTimestamp();
    const verdict = judgeAltered(({ timestampVerificationData: data }) =>
      data?.rfc3161Timestamps?.unshift(strange),
    );
    expect(verdict.code).toBe('verified');
    expect(verdict.signatures[0]?.proof?.timestamps).toHaveLength(1);
  });

  test('a timestamp of an unknown authority alone is not enough', async () => {
    const strange = await strangeTimestamp();
    const verdict = judgeAltered((material) => {
      material.timestampVerificationData = { rfc3161Timestamps: [strange] };
    });
    expect(verdict.code).toBe('timestamp_invalid');
  });

  test('the same holds for keys', () => {
    const keyedEntry = cosignCase('keyed-bundle-ok');
    const found = altered(keyedEntry, ({ tlogEntries }) =>
      tlogEntries?.push(stranger(tlogEntries[0])),
    );
    expect(verifyArtifact(keyedEntry.digest, found, policyOf(keyedEntry)).code).toBe('verified');
  });
});

test('an artifact is judged in milliseconds once its policy is compiled', () => {
  const entry = cosignCase('keyless-ok');
  const policy = policyOf(entry);
  const candidates = foundSignaturesOf(entry);

  verifyArtifact(entry.digest, candidates, policy);
  const started = cpuMs();
  for (let i = 0; i < 20; i++) verifyArtifact(entry.digest, candidates, policy);
  expect((cpuMs() - started) / 20).toBeLessThan(250);
});
