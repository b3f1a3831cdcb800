import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cosignCase, foundSignaturesOf, readFixture } from '../../../scripts/cosign-fixtures.ts';
import {
  checkPublicKey,
  isEncryptedKey,
  readCosignKey,
  signArtifact,
} from '../../../shared/signature/index.ts';
import { readPublicKey, verifyBytes, verifyDigest } from '../../../shared/signature/keys.ts';

const pem = (key: { export: (options: { format: 'pem'; type: 'spki' }) => string | Buffer }) =>
  key.export({ format: 'pem', type: 'spki' }).toString();

/** What `openssl ec -param_enc explicit -pubout` writes of a key on P-256. */
const explicitKey = `-----BEGIN PUBLIC KEY-----
MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA
AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////
///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd
NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5
RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA
//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABDfxJn8F81G0+OeTYFOMPGNn
hZbr1JjhSbp0CfxQJPkPsqgsofjKb4gFn5UrgNLLVUgtskHjTs/urCqDUtIqpak=
-----END PUBLIC KEY-----
`;

/** A public key with a sound modulus and another exponent, in base64url. */
function rsaWith(e: string): string {
  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
    format: 'jwk',
  });
  return pem(createPublicKey({ key: { ...jwk, e }, format: 'jwk' }));
}

describe('public keys', () => {
  test.each([
    ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['Ed25519', generateKeyPairSync('ed25519')],
    ['RSA 2048', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ])('of %s are taken', (_, { publicKey }) => {
    expect(checkPublicKey(pem(publicKey)).key.equals(publicKey)).toBe(true);
  });

  test('are named as cosign names them', () => {
    expect(checkPublicKey(readFixture('keys/good.pub')).hint).toBe(
      'sOlelzxuThfDoup9qRD4GnwtK4gdarra2hfFsjWJtVk=',
    );
  });

  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  test.each([
    ['an empty line', (text: string) => text.replace('-----\n', '-----\n\n')],
    ['text around it', (text: string) => `# The key of the builds\n${text}Kept by the ops team.\n`],
    ['the line ends of Windows', (text: string) => text.replaceAll('\n', '\r\n')],
  ])('with %s are read, as cosign reads them', (_, change) => {
    expect(checkPublicKey(change(pem(publicKey))).key.equals(publicKey)).toBe(true);
  });

  const twoBlocks = '2 PEM blocks in one text; write each key into a text of its own';
  test.each([
    [
      'a private key',
      privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      'a PEM block "private key"',
    ],
    [
      'an encrypted private key',
      readFixture('keys/good.key'),
      'a PEM block "encrypted sigstore private key"',
    ],
    ['two keys', pem(publicKey) + pem(publicKey), twoBlocks],
    [
      'a key with a private key behind it',
      pem(publicKey) + privateKey.export({ format: 'pem', type: 'pkcs8' }),
      twoBlocks,
    ],
    [
      'P-521',
      pem(generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey),
      'a key of type ec secp521r1',
    ],
    [
      'RSA 1024',
      pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey),
      'a key of type rsa 1024 with exponent 65537',
    ],
    ['RSA with the exponent 1', rsaWith('AQ'), 'a key of type rsa 2048 with exponent 1'],
    ['RSA with an even exponent', rsaWith('Ag'), 'a key of type rsa 2048 with exponent 2'],
    [
      'RSA with an exponent of 32 bits',
      rsaWith('gAAAAQ'),
      'a key of type rsa 2048 with exponent 2147483649',
    ],
    ['X25519', pem(generateKeyPairSync('x25519').publicKey), 'a key of type x25519'],
    [
      'a key cut short',
      pem(publicKey).replace(/.{4}(?=\n-----END)/, ''),
      'bytes that do not decode',
    ],
    ['nothing', '', 'a text without a PEM block'],
    [
      'a block with headers',
      pem(publicKey).replace('KEY-----', 'KEY-----\nComment: builds\n'),
      'a PEM block "public key" that is cut short, has headers, or does not begin its line',
    ],
    [
      'a key with explicit parameters',
      explicitKey,
      'an EC key with explicit parameters; convert it by "openssl ec -pubin -in <file> -param_enc named_curve -pubout"',
    ],
  ])('of %s are refused', (_, text, found) => {
    expect(() => checkPublicKey(text, 'trusted_keys[0]')).toThrow(
      expect.objectContaining({ code: 'key_invalid', field: 'trusted_keys[0]', found }),
    );
  });

  test('with explicit parameters that were registered before do not stop the other keys', () => {
    expect(readPublicKey(explicitKey).key.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });
});

test('a signature by a key that is too weak does not count', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const data = Buffer.from('data');
  expect(verifyBytes(publicKey, data, sign('sha256', data, privateKey))).toBe(false);
});

describe('private keys', () => {
  test("cosign's encrypted key opens with its password and is the pair of its public key", () => {
    const key = readCosignKey(readFixture('keys/good.key'), '');
    expect(createPublicKey(key).equals(createPublicKey(readFixture('keys/good.pub')))).toBe(true);
    expect(isEncryptedKey(readFixture('keys/good.key'))).toBe(true);
  });

  test('the older name of the same format is read too', () => {
    const older = readFixture('keys/good.key').replaceAll('SIGSTORE', 'COSIGN');
    expect(readCosignKey(older, '').type).toBe('private');
  });

  test('plain and standard encrypted PEM are read', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const plain = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const locked = privateKey
      .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'open' })
      .toString();

    expect(readCosignKey(plain, '').equals(privateKey)).toBe(true);
    expect(isEncryptedKey(plain)).toBe(false);
    expect(readCosignKey(locked, 'open').equals(privateKey)).toBe(true);
    expect(() => readCosignKey(locked, 'shut')).toThrow(
      expect.objectContaining({ code: 'key_password_wrong' }),
    );
  });

  test('a wrong password is distinguished from a broken file', () => {
    const text = readFixture('keys/good.key');
    expect(() => readCosignKey(text, 'wrong')).toThrow(
      expect.objectContaining({ code: 'key_password_wrong' }),
    );

    for (const broken of [
      '',
      'nonsense',
      text.replace('eyJ', 'AAA'),
      readFixture('keys/good.pub'),
    ]) {
      expect(() => readCosignKey(broken, '')).toThrow(
        expect.objectContaining({ code: 'key_invalid' }),
      );
    }
  });

  test('a file that asks for absurd work is refused before it is done', () => {
    const body = {
      ...encryptedBody(),
      kdf: { name: 'scrypt', params: { N: 2 ** 30, r: 8, p: 1 }, salt: 'AAAA' },
    };
    const text = `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${Buffer.from(JSON.stringify(body)).toString('base64')}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;

    expect(() => readCosignKey(text, '')).toThrow(expect.objectContaining({ code: 'key_invalid' }));
  });
});

describe('signing', () => {
  test('writes the same bytes as cosign, except for the signature', () => {
    const entry = cosignCase('keyed-bundle-notlog-ok');
    const [theirs] = foundSignaturesOf(entry);
    if (theirs?.format !== 'bundle') throw new Error('expected a bundle');

    const ours = signArtifact({
      digest: entry.digest,
      key: readCosignKey(readFixture('keys/good.key'), ''),
    });
    const withoutSignature = (bundle: unknown) =>
      JSON.stringify(bundle).replace(/"sig":"[^"]+"/, '');

    expect(withoutSignature(ours)).toBe(withoutSignature(theirs.bundle));
  });

  test('annotations are signed in the order of their names', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.string()), (annotations) => {
        const { dsseEnvelope } = signArtifact({
          digest: `sha256:${'0'.repeat(64)}`,
          key: privateKey,
          annotations,
        });

        const { subject } = JSON.parse(
          Buffer.from(dsseEnvelope.payload, 'base64').toString('utf8'),
        );
        expect(subject[0].annotations).toEqual({ ...annotations });
      }),
    );
  });

  test('a public key signs nothing', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    expect(() => signArtifact({ digest: 'sha256:00', key: publicKey })).toThrow(
      expect.objectContaining({ code: 'key_invalid' }),
    );
  });
});

function encryptedBody() {
  const text = readFixture('keys/good.key').replace(/-----[A-Z ]+-----/g, '');
  return JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
}

describe('signatures by every kind of key', () => {
  const message = Buffer.from('signed');
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING };
  const ec256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ec384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const rsaPss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
  const edwards = generateKeyPairSync('ed25519');
  const seed = Buffer.from(edwards.privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');

  const cases: [string, KeyObject, Uint8Array, boolean][] = [
    ['ECDSA P-256', ec256.publicKey, sign('sha256', message, ec256.privateKey), true],
    ['ECDSA P-384', ec384.publicKey, sign('sha384', message, ec384.privateKey), false],
    ['RSA PKCS #1 v1.5', rsa.publicKey, sign('sha256', message, rsa.privateKey), true],
    ['RSA-PSS', rsa.publicKey, sign('sha256', message, { key: rsa.privateKey, ...pss }), false],
    ['a key for RSA-PSS only', rsaPss.publicKey, sign('sha256', message, rsaPss.privateKey), false],
    ['Ed25519', edwards.publicKey, sign(null, message, edwards.privateKey), false],
    ['Ed25519ph', edwards.publicKey, ed25519ph.sign(message, seed), false],
  ];

  test.each(cases)('%s verify, over these bytes only', (_, key, signature, byDigest) => {
    const sha256 = (bytes: string) => createHash('sha256').update(bytes).digest();
    expect(verifyBytes(key, message, signature)).toBe(true);
    expect(verifyBytes(key, Buffer.from('other'), signature)).toBe(false);
    expect(verifyDigest(key, sha256('signed'), signature)).toBe(byDigest);
    expect(verifyDigest(key, sha256('other'), signature)).toBe(false);

    for (const broken of [Buffer.alloc(0), Buffer.alloc(64), Buffer.from(signature).fill(1, 3)]) {
      expect([
        verifyBytes(key, message, broken),
        verifyDigest(key, sha256('signed'), broken),
      ]).toEqual([false, false]);
    }
  });

  test('a weaker hash than the key’s is refused', () => {
    expect(verifyBytes(ec384.publicKey, message, sign('sha256', message, ec384.privateKey))).toBe(
      false,
    );
    expect(verifyBytes(rsa.publicKey, message, sign('sha1', message, rsa.privateKey))).toBe(false);
  });
});
