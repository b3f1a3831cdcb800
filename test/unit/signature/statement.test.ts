import { describe, expect, test } from 'vitest';
import { cosignCase, readBundles } from '../../../scripts/cosign-fixtures.ts';
import {
  attestStatement,
  predicateTypes,
  readPredicateType,
  signStatement,
} from '../../../shared/signature/index.ts';

describe('statements have the bytes that cosign signs', () => {
  const theirs = readBundles(cosignCase('keyless-attested')).map(({ bundle, subject }) => {
    const { dsseEnvelope } = bundle as { dsseEnvelope: { payload: string } };
    const payload = Buffer.from(dsseEnvelope.payload, 'base64').toString('utf8');
    return { subject, payload, statement: JSON.parse(payload) };
  });

  test('one signature and two attestations', () => {
    expect(theirs).toHaveLength(3);
    for (const { subject, payload, statement } of theirs) {
      const { predicateType, predicate } = statement;
      const ours =
        predicateType === 'https://sigstore.dev/cosign/sign/v1'
          ? signStatement(subject)
          : attestStatement({
              subjects: [{ name: statement.subject[0].name, digest: subject }],
              predicateType,
              predicate: reverseKeys(predicate),
            });
      expect(ours.payload.toString('utf8')).toBe(payload);
      expect(ours.predicateType).toBe(predicateType);
    }
  });
});

describe('a predicate type is', () => {
  test('a short name of cosign, or any URI', () => {
    expect(readPredicateType('cyclonedx')).toBe(predicateTypes.cyclonedx);
    expect(readPredicateType('https://acme.test/check/v1')).toBe('https://acme.test/check/v1');
  });

  test.each(['cyclone', 'toString', 'acme.test/check', 'https://a b', ' https://a', ''])(
    'not %j',
    (text) => {
      expect(() => readPredicateType(text)).toThrow(
        expect.objectContaining({ code: 'usage', found: text }),
      );
    },
  );
});

test('a predicate keeps null, lists and numbers, and has its keys in order', () => {
  const { payload } = attestStatement({
    subjects: [],
    predicateType: 'https://a.test',
    predicate: { b: [{ d: null, c: 1 }], a: 'x' },
  });
  expect(payload.toString()).toMatch(/"predicate":\{"a":"x","b":\[\{"c":1,"d":null\}\]\}\}$/);
});

function reverseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reverseKeys(inner)]),
  );
}
