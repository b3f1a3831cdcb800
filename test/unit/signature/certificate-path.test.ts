// The library of certificates needs this first.
import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { beforeAll, describe, expect, test } from 'vitest';
import { Certificate } from '../../../shared/signature/certificate.ts';
import { findPathFault } from '../../../shared/signature/certificate-path.ts';
import { verifyArtifact } from '../../../shared/signature/index.ts';
import { startPrivateSigstore } from '../../support/private-sigstore.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const root = 'CN=sigstore,O=sigstore.mock';
const middle = 'CN=intermediate';
const codeSigning = '1.3.6.1.5.5.7.3.3';
const serverAuth = '1.3.6.1.5.5.7.3.1';
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Part {
  subject: string;
  issuer: string;
  extensions: Extension[];
}

/** The walk goes by name, so that no certificate here needs its issuer's real signature. */
async function certificate({ subject, issuer, extensions }: Part): Promise<Certificate> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await X509CertificateGenerator.create({
    subject,
    issuer,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    extensions,
  });
  return Certificate.fromDer(new Uint8Array(made.rawData));
}

const unknown = (critical: boolean) =>
  new Extension('1.2.3.4.5', critical, new Uint8Array([0x05, 0x00]));
const usages = (...ids: string[]) => new ExtendedKeyUsageExtension(ids);
const names = (type: 'url' | 'email' | 'dns', value: string) =>
  new SubjectAlternativeNameExtension([{ type, value }], true);

const wrap = (tag: number, ...content: Buffer[]) =>
  Buffer.concat([Buffer.from([tag, Buffer.concat(content).length]), ...content]);
/** A subtree. `kind` is the tag of the GeneralName. */
const subtree = (kind: number, base: string, ...more: Buffer[]) =>
  wrap(0x30, wrap(0x80 | kind, Buffer.from(base)), ...more);
/** `NameConstraints` (RFC 5280, §4.2.1.10). */
const constraints = (tag: number, ...subtrees: Buffer[]) =>
  new Extension('2.5.29.30', true, wrap(0x30, wrap(tag, ...subtrees)));

function constraint(list: 'permitted' | 'excluded', kind: number, base: string, critical = true) {
  const subtrees = wrap(list === 'permitted' ? 0xa0 : 0xa1, subtree(kind, base));
  return new Extension('2.5.29.30', critical, wrap(0x30, subtrees));
}

const uri = 6;
const mailbox = 1;
const dns = 2;
const url = names('url', 'https://git.test/acme/redis');
const someone = names('email', 'dev@acme.test');

async function fault(leaf: Extension[], above: Extension[] = [], top: Extension[] = []) {
  return findPathFault(
    await certificate({ subject: '', issuer: middle, extensions: leaf }),
    await Promise.all([
      certificate({ subject: middle, issuer: root, extensions: above }),
      certificate({ subject: root, issuer: root, extensions: top }),
    ]),
  );
}

describe('the path of a signer’s certificate', () => {
  const fulcio = [
    new BasicConstraintsExtension(true, 0, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    usages(codeSigning),
  ];

  test.each<[string, Extension[], Extension[], Extension[]]>([
    ['like Fulcio’s', [url, usages(codeSigning)], fulcio, []],
    ['of a leaf whose usage the library judges', [url, usages(serverAuth)], fulcio, []],
    ['with unknown extensions that are not critical', [url, unknown(false)], [unknown(false)], []],
    ['of an authority for any usage', [url], [usages('2.5.29.37.0')], []],
    ['within a permitted domain', [url], [constraint('permitted', uri, 'git.test')], []],
    ['below a permitted domain', [url], [constraint('permitted', uri, '.test')], []],
    ['outside an excluded domain', [url], [constraint('excluded', uri, 'evil.test')], []],
    ['beside a domain with the same end', [url], [constraint('excluded', uri, 'it.test')], []],
    [
      'with a permitted mailbox',
      [someone],
      [constraint('permitted', mailbox, 'dev@acme.test')],
      [],
    ],
    ['in a permitted mail domain', [someone], [constraint('permitted', mailbox, 'acme.test')], []],
    [
      'within one of two permitted domains',
      [url],
      [constraints(0xa0, subtree(6, 'other.test'), subtree(6, 'git.test'))],
      [],
    ],
    ...['https://git.test', 'https://git.test:8443/acme', 'HTTPS://GIT.test?x'].map(
      (text): [string, Extension[], Extension[], Extension[]] => [
        `with ${text} in a permitted domain`,
        [names('url', text)],
        [constraint('permitted', uri, 'git.test')],
        [],
      ],
    ),
    ['of a kind that nothing constrains', [url], [constraint('permitted', mailbox, 'x.test')], []],
  ])('%s has no fault', async (_, ...path) => {
    expect(await fault(...path)).toBeNull();
  });

  const unread = 'extensions that can be read';
  const uncertified = 'a name that the authority may certify';

  test.each<[string, Extension[], Extension[], Extension[], string]>([
    ['an unknown critical extension in the leaf', [url, unknown(true)], [], [], '1.2.3.4.5'],
    ['one in an intermediate', [url], [unknown(true)], [], '1.2.3.4.5'],
    ['one in the root', [url], [], [unknown(true)], '1.2.3.4.5'],
    ['an intermediate for servers only', [url], [usages(serverAuth)], [], 'for code signing'],
    ['a root for servers only', [url], fulcio, [usages(serverAuth)], 'for code signing'],
    ['an excluded domain', [url], [constraint('excluded', uri, 'git.test')], [], uncertified],
    [
      'one that is not critical',
      [url],
      [constraint('excluded', uri, 'git.test', false)],
      [],
      uncertified,
    ],
    [
      'what is below an excluded domain',
      [url],
      [constraint('excluded', uri, 'test')],
      [],
      uncertified,
    ],
    ['any URI excluded', [url], [constraint('excluded', uri, '')], [], uncertified],
    [
      'a domain excluded by the root',
      [url],
      fulcio,
      [constraint('excluded', uri, 'GIT.TEST')],
      uncertified,
    ],
    [
      'a domain that is not permitted',
      [url],
      [constraint('permitted', uri, 'other.test')],
      [],
      uncertified,
    ],
    [
      'only what is below permitted',
      [url],
      [constraint('permitted', uri, '.git.test')],
      [],
      uncertified,
    ],
    [
      'an excluded mail domain',
      [someone],
      [constraint('excluded', mailbox, 'acme.test')],
      [],
      uncertified,
    ],
    [
      'another permitted mailbox',
      [someone],
      [constraint('permitted', mailbox, 'ops@acme.test')],
      [],
      uncertified,
    ],
    [
      'a URI without a host',
      [names('url', 'urn:acme')],
      [constraint('excluded', uri, 'x.test')],
      [],
      uncertified,
    ],
    [
      'a URI with two hosts',
      [names('url', 'https://a.test@git.test/')],
      [constraint('excluded', uri, 'git.test')],
      [],
      uncertified,
    ],
    [
      'a URI with an address',
      [names('url', 'https://10.0.0.1/')],
      [constraint('excluded', uri, 'x.test')],
      [],
      uncertified,
    ],
    [
      'constraints of a kind that is not checked',
      [url],
      [constraint('excluded', dns, 'x.test')],
      [],
      unread,
    ],
    [
      'constraints that do not decode',
      [url],
      [new Extension('2.5.29.30', true, new Uint8Array([1]))],
      [],
      unread,
    ],
    [
      'constraints that are neither permitted nor excluded',
      [url],
      [constraints(0xa2, subtree(uri, 'git.test'))],
      [],
      unread,
    ],
    [
      'a constraint from a distance',
      [url],
      [constraints(0xa0, subtree(uri, 'git.test', Buffer.from([0x80, 1, 1])))],
      [],
      unread,
    ],
    [
      'an excluded name beside another',
      [
        new SubjectAlternativeNameExtension([
          { type: 'url', value: 'https://other.test/' },
          { type: 'url', value: 'https://git.test/' },
        ]),
      ],
      [constraint('excluded', uri, 'git.test')],
      [],
      uncertified,
    ],
    [
      'a mailbox of that name elsewhere',
      [someone],
      [constraint('permitted', mailbox, 'dev@other.test')],
      [],
      uncertified,
    ],
    [
      'a permitted mailbox without a name',
      [someone],
      [constraint('permitted', mailbox, '@acme.test')],
      [],
      uncertified,
    ],
    ...['a b@acme.test', 'dev@acme.test@evil.test', 'acme.test'].map(
      (text): [string, Extension[], Extension[], Extension[], string] => [
        `the mailbox ${text} in a permitted domain`,
        [names('email', text)],
        [constraint('permitted', mailbox, 'acme.test')],
        [],
        uncertified,
      ],
    ),
    [
      'a mailbox of no domain',
      [names('email', 'dev@acme_.test')],
      [constraint('excluded', mailbox, 'x.test')],
      [],
      uncertified,
    ],
    ...['1https://git.test/', 'https://_a.git.test/', 'https://git.test_/'].map(
      (text): [string, Extension[], Extension[], Extension[], string] => [
        `the URL ${text} beside an excluded domain`,
        [names('url', text)],
        [constraint('excluded', uri, 'x.test')],
        [],
        uncertified,
      ],
    ),
    ['usages twice', [url], [usages(codeSigning), usages(serverAuth)], [], 'once'],
  ])('with %s has a fault', async (_, leaf, above, top, sentence) => {
    expect(await fault(leaf, above, top)).toContain(sentence);
  });

  test('does not lead through certificates of other names', async () => {
    const leaf = await certificate({ subject: '', issuer: root, extensions: [url] });
    const other = await certificate({
      subject: middle,
      issuer: root,
      extensions: [usages(serverAuth)],
    });
    expect(findPathFault(leaf, [other])).toBeNull();
  });
});

describe('a signature whose authority', () => {
  let sigstore: Awaited<ReturnType<typeof startPrivateSigstore>>;
  beforeAll(async () => {
    sigstore = await startPrivateSigstore(new Date());
  });

  /** The authority's root with the same name and key, and more extensions. */
  async function rootWith(extensions: Extension[]) {
    const { caKeys, trustedRoot } = sigstore;
    const curve = { name: 'ECDSA', namedCurve: 'P-384' };
    const [privateKey, publicKey] = [
      await crypto.subtle.importKey(
        'jwk',
        caKeys.privateKey.export({ format: 'jwk' }),
        curve,
        true,
        ['sign'],
      ),
      await crypto.subtle.importKey(
        'jwk',
        caKeys.publicKey.export({ format: 'jwk' }),
        curve,
        true,
        ['verify'],
      ),
    ];
    const made = await X509CertificateGenerator.createSelfSigned({
      name: root,
      keys: { privateKey, publicKey },
      signingAlgorithm: { ...curve, hash: 'SHA-384' },
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      extensions: [new BasicConstraintsExtension(true, undefined, true), ...extensions],
    });

    const rawBytes = Buffer.from(made.rawData).toString('base64');
    return trustedRoot.certificateAuthorities.map((authority) => ({
      ...authority,
      certChain: { certificates: [{ rawBytes }] },
    }));
  }

  test.each<[string, Extension[], string]>([
    ['has no further extension', [], 'verified'],
    ['permits the name', [constraint('permitted', uri, 'git.test')], 'verified'],
    ['excludes the name', [constraint('excluded', uri, 'git.test')], 'certificate_untrusted'],
    ['is for servers only', [usages(serverAuth)], 'certificate_untrusted'],
    ['has an unknown critical extension', [unknown(true)], 'certificate_untrusted'],
  ])('%s: judged as cosign judges it', async (_, extensions, code) => {
    const found = await sigstore.signLegacy({ digest });
    const judge = (certificateAuthorities: unknown[]) =>
      verifyArtifact(digest, [found], {
        identities: [{ identity_regexp: '.', issuer_regexp: '.' }],
        keys: [],
        require_tlog: true,
        trusted_root: { ...sigstore.trustedRoot, certificateAuthorities },
      }).code;

    const altered = await rootWith(extensions);
    expect(judge(altered)).toBe(code);
    expect(judge([...altered, ...sigstore.trustedRoot.certificateAuthorities])).toBe('verified');
  });
});
