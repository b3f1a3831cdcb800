import { createHash, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  policyOf as casePolicy,
  cosignCase,
  foundSignaturesOf,
} from '../../../scripts/cosign-fixtures.ts';
import type { FoundSignature, SignaturePolicy } from '../../../shared/domain/signatures/index.ts';
import { Certificate } from '../../../shared/signature/certificate.ts';
import { DerNode } from '../../../shared/signature/der.ts';
import { verifyArtifact } from '../../../shared/signature/index.ts';
import { readSigner } from '../../../shared/signature/signer.ts';
import { startPrivateSigstore } from '../../support/private-sigstore.ts';

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
/** What the attacker wants to be taken for signed, and what the author did sign. */
const evil = digestOf('evil');
const good = digestOf('good');

describe('keyless signatures of several people', () => {
  let sigstore: Awaited<ReturnType<typeof startPrivateSigstore>>;
  const identities = [
    {
      identity_regexp: '^https://git\\.test/acme/redis@',
      issuer_regexp: '^https://issuer\\.test$',
    },
  ];

  const policyOf = (changes: Partial<SignaturePolicy> = {}): SignaturePolicy => ({
    identities,
    keys: [],
    require_tlog: true,
    trusted_root: sigstore.trustedRoot,
    ...changes,
  });

  beforeAll(async () => {
    sigstore = await startPrivateSigstore(new Date());
  });

  it('make none together, whichever part is whose', async () => {
    const stranger = await startPrivateSigstore(new Date());
    const sources = [
      // The author for another digest, somebody else for this one, and the author's name by a
      // Fulcio of the attacker's.
      await sigstore.timestamped(await sigstore.signLegacy({ digest: good })),
      await sigstore.timestamped(
        await sigstore.signLegacy({ digest: evil, subjectAltName: 'https://git.test/evil' }),
      ),
      await stranger.timestamped(await stranger.signLegacy({ digest: evil })),
    ];

    const names = [...Object.keys(sources[0]?.annotations ?? {})];
    const accepted: string[] = [];
    let tried = 0;

    for (let choice = 0; choice < 3 ** (names.length + 1); choice++) {
      const of = (at: number) => sources[Math.floor(choice / 3 ** at) % 3];
      const annotations = Object.fromEntries(
        names.map((name, at) => [name, of(at + 1)?.annotations[name] ?? '']),
      );
      const payload = of(0)?.payload ?? '';

      const mixed: FoundSignature = {
        format: 'legacy',
        source: 'legacy_tag',
        claimed_digest: evil,
        payload,
        annotations,
      };

      for (const require_tlog of [true, false]) {
        tried++;
        if (verifyArtifact(evil, [mixed], policyOf({ require_tlog })).verified)
          accepted.push(`${choice}`);
      }
    }

    expect([tried, accepted]).toEqual([486, []]);
  });

  it('keep the time that the log signed', async () => {
    const late = await sigstore.signLegacy({ digest: evil, loggedAfterMs: 3600_000 });
    if (late.format !== 'legacy') throw new Error('expected a legacy signature');

    const name = 'dev.sigstore.cosign/bundle';
    const bundle = JSON.parse(late.annotations[name] ?? '');
    const judge = () => {
      const annotations = { ...late.annotations, [name]: JSON.stringify(bundle) };
      return verifyArtifact(evil, [{ ...late, annotations }], policyOf()).code;
    };

    expect(judge()).toBe('certificate_expired');
    bundle.Payload.integratedTime -= 3590;
    expect(judge()).toBe('tlog_invalid');
  });

  it('make no claims in extensions whose names only begin like Fulcio’s', async () => {
    const claims: [number | `${number}`, string][] = [['20.0', 'push']];
    const candidate = await sigstore.signLegacy({ digest: evil, claims });
    const demanding = identities.map((pair) => ({ ...pair, claims: { build_trigger: '^push$' } }));

    expect(verifyArtifact(evil, [candidate], policyOf()).code).toBe('verified');
    expect(verifyArtifact(evil, [candidate], policyOf({ identities: demanding })).code).toBe(
      'claim_mismatch',
    );
  });

  const [one, two] = ['https://git.test/acme/redis@a', 'https://git.test/evil'];
  const ascii = (tag: number, text: string) => tlv(tag, Buffer.from(text));
  // otherName with Microsoft's UPN, which is not Fulcio's user name.
  const principal = Buffer.from('a014060a2b060104018237140203a0060c0461636d65', 'hex');

  // cosign 3.1.3: CheckCertificatePolicy for legacy signatures, sigstore-go's summary for bundles.
  it.each([
    ['two URLs', [uri(one), uri(two)], [one, two], [one]],
    ['a mailbox before a URL', [ascii(0x81, 'a@b.test'), uri(one)], ['a@b.test', one], [one]],
    ['a host', [ascii(0x82, 'git.test')], ['git.test'], []],
    ['a host and a URL', [uri(one), ascii(0x82, 'git.test')], ['git.test', one], [one]],
    ['a principal beside a URL', [principal, uri(one)], [one], [one]],
  ])('have the names that cosign compares: %s', async (_, names, legacy, bundle) => {
    const certificate = await certificateWith(names);
    expect(readSigner(certificate, 'legacy').names).toEqual(legacy);
    expect(readSigner(certificate, 'bundle').names).toEqual(bundle);
  });

  it.each([
    ['none', []],
    ['a line break in the second', [uri(one), uri('https://git.test/acme\nx')]],
    ['a NUL behind the name that is wanted', [uri('https://git.test/acme/redis@a\0.evil')]],
    ['a line break', [uri('https://git.test/acme/redis@a\nx')]],
    [
      'bytes that read as letters once their high bit is cut off',
      [uri(Buffer.from([0xe8, 0xf4, 0xf4, 0xf0]))],
    ],
    ['an address of IP', [Buffer.from([0x87, 4, 127, 0, 0, 1])]],
    ['another kind of name', [principal]],
  ])('name no signer by a certificate with %s', async (_, names) => {
    const certificate = await certificateWith(names);
    expect(readSigner(certificate, 'legacy').names).toEqual([]);
    expect(readSigner(certificate, 'bundle').names).toEqual([]);
  });

  async function certificateWith(names: Buffer[]): Promise<Certificate> {
    const candidate = await sigstore.signLegacy({ digest: evil });
    if (candidate.format !== 'legacy') throw new Error('expected a legacy signature');

    const pem = candidate.annotations['dev.sigstore.cosign/certificate'] ?? '';
    const certificate = Certificate.fromDer(new X509Certificate(pem).raw).clone();
    expect(readSigner(certificate, 'bundle').names).toEqual([
      'https://git.test/acme/redis@refs/tags/v1.0.0',
    ]);

    certificate
      .extension('2.5.29.17')
      ?.valueObj.subs.splice(0, 1, DerNode.parse(tlv(0x30, Buffer.concat(names))));
    return Certificate.fromDer(certificate.root.toDER());
  }
});

function tlv(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}

function uri(text: string | Buffer): Buffer {
  return tlv(0x86, Buffer.from(text));
}

interface LogEntry {
  integratedTime?: string;
  inclusionPromise?: object;
  inclusionProof: object;
  canonicalizedBody: string;
}
interface CosignBundle {
  verificationMaterial: {
    certificate: { rawBytes: string };
    tlogEntries: LogEntry[];
    timestampVerificationData?: object;
  };
}

describe('what vouches for a signature of cosign’s', () => {
  /** Judges a case's bundle with its log entry and the rest of its material changed. */
  function judged(
    name: string,
    change: (entry: LogEntry, all: CosignBundle['verificationMaterial']) => unknown,
  ) {
    const entry = cosignCase(name);
    const [found] = foundSignaturesOf(entry);
    if (found?.format !== 'bundle') throw new Error('expected a bundle');

    const bundle = structuredClone(found.bundle) as CosignBundle;
    const all = bundle.verificationMaterial;
    const [first] = all.tlogEntries;
    if (first === undefined) throw new Error('expected a log entry');

    change(first, all);
    return verifyArtifact(entry.digest, [{ ...found, bundle }], casePolicy(entry)).code;
  }

  let others: LogEntry;
  judged('keyless-wrong-identity', (entry) => {
    others = structuredClone(entry);
  });

  /** A second at which the certificate is valid. */
  const within = ({ certificate }: CosignBundle['verificationMaterial']) => {
    const { validFrom } = new X509Certificate(Buffer.from(certificate.rawBytes, 'base64'));
    return String(Date.parse(validFrom) / 1000 + 1);
  };

  it.each<[string, string, Parameters<typeof judged>[1], string]>([
    [
      'a time that is written into an entry of Rekor v2',
      'keyless-ok',
      (entry, all) => {
        entry.integratedTime = within(all);
        delete all.timestampVerificationData;
      },
      'timestamp_missing',
    ],
    [
      'a time in an entry of Rekor v1 without the promise that signs it',
      'keyless-ok-rekor1',
      (entry, all) => {
        delete entry.inclusionPromise;
        delete all.timestampVerificationData;
      },
      'timestamp_missing',
    ],
    [
      'a promise made up for an entry of Rekor v2',
      'keyless-ok',
      (entry, all) =>
        Object.assign(entry, {
          integratedTime: within(all),
          inclusionPromise: { signedEntryTimestamp: 'AAAA' },
        }),
      'tlog_invalid',
    ],
    [
      'another’s entry',
      'keyless-ok',
      (_, all) => all.tlogEntries.splice(0, 1, others),
      'tlog_invalid',
    ],
    [
      'another’s entry besides its own',
      'keyless-ok',
      (_, all) => all.tlogEntries.push(others),
      'tlog_invalid',
    ],
    [
      'another’s proof',
      'keyless-ok',
      (entry) => Object.assign(entry, { inclusionProof: others.inclusionProof }),
      'tlog_invalid',
    ],
    [
      'its own body with another’s proof of it',
      'keyless-ok',
      (entry, all) =>
        all.tlogEntries.splice(0, 1, { ...others, canonicalizedBody: entry.canonicalizedBody }),
      'tlog_invalid',
    ],
    [
      'the entry that another Rekor has of it',
      'keyless-ok-rekor1',
      (_, all) => all.tlogEntries.splice(0, 1, others),
      'tlog_invalid',
    ],
  ])('is not %s', (_, name, change, code) => {
    expect(judged(name, () => {})).toBe('verified');
    expect(judged(name, change)).toBe(code);
  });
});
