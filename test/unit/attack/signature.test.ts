import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { FoundSignature, SignaturePolicy } from '../../../shared/domain/signatures/index.ts';
import { signPredicateType } from '../../../shared/domain/signatures/index.ts';
import {
  preAuthenticationEncoding,
  statementPayloadType,
} from '../../../shared/signature/bundle.ts';
import { signArtifact, verifyArtifact } from '../../../shared/signature/index.ts';
import { verifyBytes, verifyDigest } from '../../../shared/signature/keys.ts';

const hex = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const manifest = Buffer.from('{"schemaVersion":2,"evil":true}');
/** What the attacker wants to be taken for signed, and what the author did sign. */
const evil = `sha256:${hex(manifest)}`;
const good = `sha256:${hex('good')}`;

function keyPair() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, pem: publicKey.export({ format: 'pem', type: 'spki' }).toString() };
}

const author = keyPair();
const attacker = keyPair();
const trustsAuthor: SignaturePolicy = {
  identities: [],
  keys: [author.pem],
  require_tlog: false,
  trusted_root: null,
};

interface Envelope {
  payload: string;
  payloadType: string;
  signatures: { sig: string }[];
}

function bundleOf(dsseEnvelope: Envelope) {
  return { ...signArtifact({ digest: good, key: author.privateKey }), dsseEnvelope };
}

function envelope(
  statement: unknown,
  key: KeyObject,
  payloadType = statementPayloadType,
): Envelope {
  const payload = Buffer.from(
    typeof statement === 'string' ? statement : JSON.stringify(statement),
  );
  const sig = sign('sha256', preAuthenticationEncoding(payloadType, payload), key).toString(
    'base64',
  );

  return { payload: payload.toString('base64'), payloadType, signatures: [{ sig }] };
}

function statementOf(digest: object, predicateType: string = signPredicateType) {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest }],
    predicateType,
    predicate: {},
  };
}

const evilHex = evil.slice('sha256:'.length);
const byAuthor = envelope(statementOf({ sha256: good.slice('sha256:'.length) }), author.privateKey);
const byAttacker = envelope(statementOf({ sha256: evilHex }), attacker.privateKey);
const signatureOf = (made: Envelope) => made.signatures[0]?.sig ?? '';
const messageOf = (signature: string, digest = Buffer.from(evilHex, 'hex')) => ({
  messageDigest: { algorithm: 'SHA2_256', digest: digest.toString('base64') },
  signature,
});
const simple = (digest: string) =>
  Buffer.from(
    JSON.stringify({
      critical: {
        image: { 'docker-manifest-digest': digest },
        type: 'cosign container image signature',
      },
    }),
  );

function codeOf(bundle: unknown): string {
  const candidate: FoundSignature = {
    format: 'bundle',
    source: 'referrers',
    claimed_digest: evil,
    bundle,
  };
  return verifyArtifact(evil, [candidate], trustsAuthor).code;
}

describe('a bundle put together by a registry that has signatures of the author', () => {
  const { dsseEnvelope: _, ...shell } = bundleOf(byAuthor);
  const withKey = (statement: unknown, type?: string) =>
    bundleOf(envelope(statement, author.privateKey, type));

  it('counts where it is what the author signed for this digest', () => {
    expect(codeOf(withKey(statementOf({ sha256: evilHex })))).toBe('verified');
  });

  it.each<[string, unknown, string]>([
    ['a statement about another digest', bundleOf(byAuthor), 'digest_mismatch'],
    [
      'its payload replaced',
      bundleOf({ ...byAuthor, payload: byAttacker.payload }),
      'signature_invalid',
    ],
    [
      'both signatures under the attacker’s payload',
      bundleOf({ ...byAttacker, signatures: [...byAttacker.signatures, ...byAuthor.signatures] }),
      'bundle_invalid',
    ],
    [
      'both, the author’s first',
      bundleOf({ ...byAttacker, signatures: [...byAuthor.signatures, ...byAttacker.signatures] }),
      'bundle_invalid',
    ],
    ['no signature', bundleOf({ ...byAttacker, signatures: [] }), 'bundle_invalid'],
    [
      'an envelope’s signature over a message',
      { ...shell, messageSignature: messageOf(signatureOf(byAuthor)) },
      'payload_invalid',
    ],
    [
      'an envelope and a message, each the other’s excuse',
      { ...shell, dsseEnvelope: byAuthor, messageSignature: messageOf(signatureOf(byAuthor)) },
      'payload_invalid',
    ],
    [
      'the names of protobuf beside those of JSON',
      { ...bundleOf(byAttacker), dsse_envelope: byAuthor },
      'signature_invalid',
    ],
    [
      'a message of the digest that the author signed',
      {
        ...shell,
        messageSignature: messageOf(signatureOf(byAuthor), Buffer.from(good.slice(7), 'hex')),
      },
      'payload_invalid',
    ],
    [
      'a message’s digest that is hashed otherwise',
      {
        ...shell,
        messageSignature: messageOf(
          signatureOf(byAuthor),
          createHash('sha512').update(manifest).digest(),
        ),
      },
      'payload_invalid',
    ],
    [
      'a payload of another type',
      withKey(statementOf({ sha256: evilHex }), 'application/json'),
      'payload_invalid',
    ],
    [
      'two statements in a row',
      withKey(JSON.stringify(statementOf({ sha256: evilHex })).repeat(2)),
      'payload_invalid',
    ],
    [
      'a statement of no version',
      withKey({ ...statementOf({ sha256: evilHex }), _type: 'x' }),
      'payload_invalid',
    ],
    [
      'a simple-signing payload in an envelope',
      withKey(simple(evil).toString()),
      'payload_invalid',
    ],
    [
      'the digest in capitals',
      withKey(statementOf({ sha256: evilHex.toUpperCase() })),
      'digest_mismatch',
    ],
    ['the algorithm in capitals', withKey(statementOf({ SHA256: evilHex })), 'payload_invalid'],
    [
      'the digest under another algorithm',
      withKey(statementOf({ gitCommit: evilHex, sha512: evilHex })),
      'digest_mismatch',
    ],
    ['the digest with its prefix', withKey(statementOf({ sha256: evil })), 'digest_mismatch'],
    ['no subject', withKey({ ...statementOf({}), subject: [] }), 'payload_invalid'],
    [
      'nearly cosign’s type',
      withKey(statementOf({ sha256: evilHex }, `${signPredicateType}/`)),
      'attestation_only',
    ],
    [
      'cosign’s type in capitals',
      withKey(statementOf({ sha256: evilHex }, signPredicateType.toUpperCase())),
      'attestation_only',
    ],
    [
      'provenance',
      withKey(statementOf({ sha256: evilHex }, 'https://slsa.dev/provenance/v1')),
      'attestation_only',
    ],
    ...['bundle.v0.9+json', 'bundle.v0.3+jsonp', 'bundle+json;version=0.1x', 'bundle+json'].map(
      (type): [string, unknown, string] => [
        `a bundle of type ${type}`,
        {
          ...withKey(statementOf({ sha256: evilHex })),
          mediaType: `application/vnd.dev.sigstore.${type}`,
        },
        'bundle_invalid',
      ],
    ),
  ])('does not count with %s', (_, bundle, code) => {
    expect(codeOf(bundle)).toBe(code);
  });

  it('does not count as simple signing, whichever of its parts is the payload', () => {
    const payloads = [
      simple(evil),
      simple(good),
      Buffer.from(byAuthor.payload, 'base64'),
      manifest,
    ];

    const pae = preAuthenticationEncoding(
      byAuthor.payloadType,
      Buffer.from(byAuthor.payload, 'base64'),
    );
    const ofGood = sign('sha256', simple(good), author.privateKey).toString('base64');

    for (const payload of [...payloads, pae]) {
      for (const signature of [signatureOf(byAuthor), ofGood, signatureOf(byAttacker)]) {
        const verdict = verifyArtifact(evil, [legacy(payload, signature)], trustsAuthor);
        expect([payload.toString().slice(0, 40), verdict.verified]).toEqual([
          expect.any(String),
          false,
        ]);
      }
    }
  });
});

function legacy(payload: Buffer, signature: string): FoundSignature {
  const annotations = { 'dev.cosignproject.cosign/signature': signature };
  return {
    format: 'legacy',
    source: 'legacy_tag',
    claimed_digest: evil,
    payload: payload.toString('base64'),
    annotations,
  };
}

describe('a signature that anybody can write', () => {
  const message = Buffer.from('evil');
  const digest = createHash('sha256').update(message).digest();
  const ec = createPublicKey(author.pem);

  const rsaOf = (e: string) => {
    const { n } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
      format: 'jwk',
    });
    return createPublicKey({ key: { kty: 'RSA', n: n ?? '', e }, format: 'jwk' });
  };

  const edwards = (point: string) =>
    createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(point, 'hex').toString('base64url') },
      format: 'jwk',
    });

  const digestInfo = Buffer.concat([
    Buffer.from('3031300d060960864801650304020105000420', 'hex'),
    digest,
  ]);
  const padded = Buffer.concat([
    Buffer.from([0, 1]),
    Buffer.alloc(202, 0xff),
    Buffer.from([0]),
    digestInfo,
  ]);

  const one = `01${'00'.repeat(31)}`;

  it.each<[string, KeyObject, Buffer]>([
    ['r and s of 0, ECDSA', ec, Buffer.from('3006020100020100', 'hex')],
    ['r and s of 1, ECDSA', ec, Buffer.from('3006020101020101', 'hex')],
    ['r and s of the order, ECDSA', ec, orderTwice()],
    ['an exponent of 1, RSA', rsaOf('AQ'), padded],
    ['an exponent of 1 with zeros before it, RSA', rsaOf('AAE'), padded],
    ['the neutral point, Ed25519', edwards(one), Buffer.from(one + '00'.repeat(32), 'hex')],
    [
      'a point of order two, Ed25519',
      edwards(`ec${'ff'.repeat(30)}7f`),
      Buffer.from(one + '00'.repeat(32), 'hex'),
    ],
    [
      'a point of order four, Ed25519',
      edwards('00'.repeat(32)),
      Buffer.from(one + '00'.repeat(32), 'hex'),
    ],
  ])('by %s is none', (_, key, signature) => {
    // A point of small order fits one message of a few.
    for (let i = 0; i < 32; i++) {
      expect(verifyBytes(key, i === 0 ? message : Buffer.from(`evil ${i}`), signature)).toBe(false);
    }
    expect(verifyDigest(key, digest, signature)).toBe(false);
  });
});

function tlv(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}

function orderTwice(): Buffer {
  const order = Buffer.from(
    '00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    'hex',
  );
  return tlv(0x30, Buffer.concat([tlv(2, order), tlv(2, order)]));
}
