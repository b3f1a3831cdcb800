import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type {
  FoundSignature,
  SignaturePolicy,
  SignerClaims,
} from '../../../shared/domain/signatures/index.ts';
import { checkIdentity } from '../../../shared/signature/identity.ts';
import { compilePolicy, verifyArtifact } from '../../../shared/signature/index.ts';
import { checkLeaf } from '../../../shared/signature/signer.ts';
import { type SignOptions, startPrivateSigstore } from '../../support/private-sigstore.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const identities = [
  { identity_regexp: '^https://git\\.test/acme/', issuer_regexp: '^https://issuer\\.test$' },
];

let sigstore: Awaited<ReturnType<typeof startPrivateSigstore>>;
beforeAll(async () => {
  sigstore = await startPrivateSigstore(new Date());
});

function judge(candidate: FoundSignature, changes: Partial<SignaturePolicy> = {}) {
  const policy = {
    identities,
    keys: [],
    require_tlog: true,
    trusted_root: sigstore.trustedRoot,
    ...changes,
  };

  const [verdict] = verifyArtifact(digest, [candidate], policy).signatures;
  return verdict;
}

/** A signature with a certificate that was changed after it was issued. */
async function altered(
  options: Partial<SignOptions>,
  change: (der: Buffer) => void,
): Promise<FoundSignature> {
  const candidate = await sigstore.signLegacy({ digest, ...options });
  if (candidate.format !== 'legacy') throw new Error('expected a legacy signature');

  const name = 'dev.sigstore.cosign/certificate';
  const der = Buffer.from(new X509Certificate(candidate.annotations[name] ?? '').raw);

  change(der);
  return {
    ...candidate,
    annotations: { ...candidate.annotations, [name]: new X509Certificate(der).toString() },
  };
}

describe('certificates of a private Fulcio', () => {
  test('verify when all is right', async () => {
    expect(judge(await sigstore.signLegacy({ digest }))).toMatchObject({
      code: 'verified',
      identity: 'https://git.test/acme/redis@refs/tags/v1.0.0',
      issuer: 'https://issuer.test',
    });
  });

  test('name their issuer in the older extension too', async () => {
    const verdict = judge(await sigstore.signLegacy({ digest, currentIssuer: false }));
    expect(verdict).toMatchObject({ code: 'verified', issuer: 'https://issuer.test' });
  });

  test('whose newer issuer cannot be read are not believed by the older one', async () => {
    const twice = await sigstore.signLegacy({ digest, claims: [[8, 'https://other.test']] });
    expect(judge(twice)).toMatchObject({ code: 'certificate_invalid', issuer: null });
  });

  test('for something else than signing code are refused', async () => {
    const verdict = judge(
      await altered({}, (der) => {
        // id-kp-codeSigning (1.3.6.1.5.5.7.3.3) becomes id-kp-serverAuth (…3.1).
        const usage = Buffer.from('06082b06010505070303', 'hex');
        der[der.indexOf(usage) + usage.length - 1] = 1;
      }),
    );
    expect(verdict).toMatchObject({
      code: 'certificate_invalid',
      message: 'expected a certificate for code signing, found one for another use',
    });
  });

  test('with two names are by the one that the policy names', () => {
    const policy = compilePolicy({ identities, keys: [], require_tlog: true, trusted_root: null });
    const signer = (...names: string[]) => ({ names, issuer: 'https://issuer.test', claims: {} });
    const [first, second] = ['https://evil.test/', 'https://git.test/acme/redis'];

    expect(checkIdentity(signer(first, second), policy)).toBe(second);
    expect(() => checkIdentity(signer(first, 'git.test'), policy)).toThrow(
      'signed by "https://evil.test/", "git.test", expected to match /^https://git\\.test/acme//',
    );
  });

  test('in PEM with empty lines and text before it are read, with text behind it refused', async () => {
    const candidate = await sigstore.signLegacy({ digest });
    if (candidate.format !== 'legacy') throw new Error('expected a legacy signature');

    const name = 'dev.sigstore.cosign/certificate';
    const loose = candidate.annotations[name]?.replace('-----\n', '-----\n\n');
    const judgePem = (pem: string) =>
      judge({ ...candidate, annotations: { ...candidate.annotations, [name]: pem } })?.code;

    expect(judgePem(`Made by a build.\n${loose}\n`)).toBe('verified');
    expect(judgePem(`${loose}End.\n`)).toBe('certificate_invalid');
  });

  test("of an authority are no signer's", () => {
    const [authority] = sigstore.trustedRoot.certificateAuthorities;
    const root = Buffer.from(authority?.certChain.certificates[0]?.rawBytes ?? '', 'base64');
    expect(() => checkLeaf(new X509Certificate(root))).toThrow('expected a leaf certificate');
  });

  test('say of the workflow what a policy can demand, of GitHub and of Gitea', async () => {
    const github = await sigstore.signLegacy({
      digest,
      claims: [
        [2, 'push'],
        [12, 'https://github.com/acme/redis'],
        [14, 'refs/tags/v1.0.0'],
        [20, 'push'],
      ],
    });

    const [pair] = identities;
    if (pair === undefined) throw new Error('expected a pair');

    const demanding = (claims: SignerClaims) =>
      judge(github, { identities: [{ ...pair, claims }] });
    expect(
      demanding({ build_trigger: '^push$', source_repository_ref: '^refs/tags/v' }),
    ).toMatchObject({
      code: 'verified',
      claims: {
        github_workflow_trigger: 'push',
        source_repository_uri: 'https://github.com/acme/redis',
      },
    });

    expect(demanding({ github_workflow_trigger: '^push$' })?.code).toBe('verified');
    expect(demanding({ build_trigger: '^release$' })).toMatchObject({
      code: 'claim_mismatch',
      message: 'build_trigger is "push", expected to match /^release$/',
    });
    expect(demanding({ build_config_uri: '.' })?.message).toContain(
      'build_config_uri is not stated',
    );

    const lenient = { identities: [{ ...pair, claims: { build_trigger: '^release$' } }, pair] };
    expect(judge(github, lenient)?.code).toBe('verified');
  });

  test('that state a claim twice state none', async () => {
    const twice = await sigstore.signLegacy({
      digest,
      claims: [
        [20, 'push'],
        [20, 'release'],
      ],
    });

    const [pair] = identities;
    if (pair === undefined) throw new Error('expected a pair');

    const policy = { identities: [{ ...pair, claims: { build_trigger: '.' } }] };
    expect(judge(twice, policy)?.code).toBe('claim_mismatch');
  });

  test('used after they expired, or before they were issued, are refused', async () => {
    for (const loggedAfterMs of [11 * 60_000, -60_000]) {
      const verdict = judge(await sigstore.signLegacy({ digest, loggedAfterMs }));
      expect(verdict?.code).toBe('certificate_expired');
    }
  });

  test('without the CT log’s word are refused', async () => {
    const candidate = await sigstore.signLegacy({ digest }, sigstore.bareCa);
    expect(judge(candidate)?.code).toBe('sct_missing');
  });

  test('with an SCT of an untrusted CT log are refused', async () => {
    const other = await startPrivateSigstore(new Date());
    const root = { ...sigstore.trustedRoot, ctlogs: other.trustedRoot.ctlogs };
    expect(judge(await sigstore.signLegacy({ digest }), { trusted_root: root })?.code).toBe(
      'sct_invalid',
    );
  });

  test('of another Fulcio, logged by another Rekor, are refused', async () => {
    const other = await startPrivateSigstore(new Date());
    const candidate = await sigstore.signLegacy({ digest });
    const { certificateAuthorities, tlogs } = other.trustedRoot;
    const untrusted = judge(candidate, {
      trusted_root: { ...sigstore.trustedRoot, certificateAuthorities },
    });

    expect(untrusted?.code).toBe('certificate_untrusted');
    const unlogged = judge(candidate, { trusted_root: { ...sigstore.trustedRoot, tlogs } });

    expect(unlogged?.code).toBe('tlog_invalid');
  });

  test('do not pass for another by what their names look like', async () => {
    const evil = await sigstore.signLegacy({
      digest,
      subjectAltName: 'https://evil.test/?https://git.test/acme/',
    });
    expect(judge(evil)?.code).toBe('identity_mismatch');

    const issuer = await sigstore.signLegacy({ digest, issuer: 'https://issuer.test.evil.test' });
    expect(judge(issuer)?.code).toBe('issuer_mismatch');

    const newline = await sigstore.signLegacy({
      digest,
      issuer: 'https://issuer.test\nhttps://other.test',
    });
    expect(judge(newline)?.code).toBe('certificate_invalid');
  });

  test('whose log entry names someone else are refused', async () => {
    const stranger = generateKeyPairSync('ed25519')
      .publicKey.export({ format: 'pem', type: 'spki' })
      .toString();
    expect(judge(await sigstore.signLegacy({ digest, entryKey: stranger }))?.code).toBe(
      'tlog_invalid',
    );
  });

  test('rest on the log’s time even where no entry is demanded, if there is no other time', async () => {
    const candidate = await sigstore.signLegacy({ digest });
    expect(judge(candidate, { require_tlog: false })?.code).toBe('verified');
    if (candidate.format !== 'legacy') throw new Error('expected a legacy signature');

    const annotations = { ...candidate.annotations };
    delete annotations['dev.sigstore.cosign/bundle'];
    expect(judge({ ...candidate, annotations }, { require_tlog: false })?.code).toBe(
      'timestamp_missing',
    );
    expect(judge({ ...candidate, annotations })?.code).toBe('tlog_missing');
  });

  test('rest on a signed timestamp of the older annotation, where no log entry is demanded', async () => {
    const { annotations, ...rest } = await sigstore.timestamped(
      await sigstore.signLegacy({ digest }),
    );
    const { 'dev.sigstore.cosign/bundle': _, ...unlogged } = annotations;
    const candidate = { ...rest, annotations: unlogged };

    expect(judge(candidate, { require_tlog: false })).toMatchObject({
      code: 'verified',
      proof: { log_entries: [], timestamps: [expect.stringMatching(/^\d{4}-/)] },
    });
    expect(judge(candidate)?.code).toBe('tlog_missing');

    const unknown = { ...sigstore.trustedRoot, timestampAuthorities: [] };
    expect(judge(candidate, { require_tlog: false, trusted_root: unknown })?.code).toBe(
      'timestamp_invalid',
    );

    const other = await sigstore.timestamped(await sigstore.signLegacy({ digest }));
    const stamp = 'dev.sigstore.cosign/rfc3161timestamp';
    const swapped = {
      ...rest,
      annotations: { ...unlogged, [stamp]: other.annotations[stamp] ?? '' },
    };

    expect(judge(swapped, { require_tlog: false })?.code).toBe('timestamp_invalid');
  });
});
