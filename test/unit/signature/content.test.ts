import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SignedBytes, SignedMessage } from '../../../shared/signature/content.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
const bytes = Buffer.from('signed');
const signature = sign('sha256', bytes, privateKey);
const digestOf = (algorithm: string, data: Buffer) => createHash(algorithm).update(data).digest();
const sha256 = digestOf('sha256', bytes);
const digest = `sha256:${sha256.toString('hex')}`;
const algorithms = ['sha256', 'sha384', 'sha512'];

describe('signed bytes', () => {
  const payload = Buffer.from('payload');
  const content = new SignedBytes(signature, bytes, payload);

  test.each(algorithms)('compare their digest by its length: %s', (algorithm) => {
    expect(content.compareSignedDigest(digestOf(algorithm, bytes))).toBe(true);
    expect(content.compareSignedDigest(digestOf(algorithm, payload))).toBe(false);
  });

  test('compare no digest of another length, and the SHA-256 of the payload', () => {
    expect(content.compareSignedDigest(digestOf('sha1', bytes))).toBe(false);
    expect(content.compareDigest(digestOf('sha256', payload))).toBe(true);
    expect(content.compareDigest(sha256)).toBe(false);
    expect(new SignedBytes(signature, bytes).compareDigest(sha256)).toBe(true);
  });

  test('are verified with each key that is asked for', () => {
    for (const [key, verified] of [
      [publicKey, true],
      [publicKey, true],
      [other, false],
      [publicKey, true],
    ] as const) {
      expect(content.verifySignature(key)).toBe(verified);
    }
    expect(content.compareSignature(signature)).toBe(true);
    expect(content.compareSignature(sha256)).toBe(false);
  });
});

describe('a signed message', () => {
  const known = new SignedMessage(signature, { digest, bytes });
  const unknown = new SignedMessage(signature, { digest });

  test.each(algorithms)('whose bytes are known compares %s', (algorithm) => {
    expect(known.compareSignedDigest(digestOf(algorithm, bytes))).toBe(true);
    expect(known.compareDigest(digestOf(algorithm, Buffer.from('x')))).toBe(false);
  });

  test('whose bytes are not known compares its SHA-256 only', () => {
    expect(unknown.compareDigest(sha256)).toBe(true);
    expect(unknown.compareDigest(digestOf('sha384', bytes))).toBe(false);
    expect(known.compareDigest(digestOf('sha1', bytes))).toBe(false);
  });

  test.each([
    ['known', known],
    ['not known', unknown],
  ])('whose bytes are %s is verified', (_what, message) => {
    expect(message.verifySignature(publicKey)).toBe(true);
    expect(message.verifySignature(other)).toBe(false);
    expect(message.compareSignature(signature)).toBe(true);
    expect(message.compareSignature(sha256)).toBe(false);
  });
});
