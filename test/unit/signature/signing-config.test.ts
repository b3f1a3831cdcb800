import { describe, expect, test } from 'vitest';
import { chooseServices } from '../../../shared/signature/index.ts';

const now = new Date('2026-06-01T00:00:00Z');
const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
const past = { start: '2024-01-01T00:00:00Z', end: '2025-01-01T00:00:00Z' };
const older = { start: '2024-01-01T00:00:00Z' };
const newer = { start: '2026-01-01T00:00:00Z' };
const future = { start: '2027-01-01T00:00:00Z' };

const service = (name: string, changes: object = {}) => ({
  url: `https://${name}.test`,
  majorApiVersion: 1,
  validFor: older,
  operator: name,
  ...changes,
});

describe('the services of a signing configuration', () => {
  test('are the newest of those in force, with the highest version that Gantry knows', () => {
    const operator = 'one';
    expect(
      chooseServices(
        {
          mediaType,
          caUrls: [
            service('old', { operator }),
            service('new', { operator, validFor: newer }),
            service('ended', { operator, validFor: past }),
            service('coming', { operator, validFor: future }),
          ],
          oidcUrls: [service('issuer')],
          rekorTlogUrls: [
            service('rekor1', { operator, validFor: newer }),
            service('rekor2', { operator, majorApiVersion: 2 }),
            service('rekor9', { operator, majorApiVersion: 9 }),
          ],
          rekorTlogConfig: { selector: 'ANY' },
          tsaUrls: [service('tsa', { url: 'https://tsa.test/api/v1/timestamp/' })],
          tsaConfig: { selector: 'EXACT', count: 1 },
        },
        now,
      ),
    ).toEqual({
      fulcio: 'https://new.test',
      oidcIssuer: 'https://issuer.test',
      rekor: [{ url: 'https://rekor2.test', version: 2 }],
      timestamps: ['https://tsa.test/api/v1/timestamp'],
    });
  });

  test.each([
    [{ selector: 'ANY' }, ['https://b.test']],
    [{ selector: 'ALL' }, ['https://b.test', 'https://c.test']],
    [{ selector: 'EXACT', count: 2 }, ['https://b.test', 'https://c.test']],
  ])('chosen by %j are of different operators', (tsaConfig, expected) => {
    const tsaUrls = [
      service('a', { operator: 'same' }),
      service('b', { operator: 'same', validFor: newer }),
      service('c'),
    ];
    expect(chooseServices({ mediaType, tsaUrls, tsaConfig }, now).timestamps).toEqual(expected);
  });

  test('are none in the empty configuration of cosign', () => {
    expect(chooseServices({ mediaType }, now)).toEqual({
      fulcio: null,
      oidcIssuer: null,
      rekor: [],
      timestamps: [],
    });
  });

  test.each([
    ['another document', { mediaType: 'text/plain' }, /mediaType/],
    ['a URL that is none', { caUrls: [service('a', { url: 'file:///etc/passwd' })] }, /caUrls/],
    ['only ended ones', { caUrls: [service('a', { validFor: past })] }, /in force/],
    [
      'fewer operators than demanded',
      { tsaUrls: [service('a')], tsaConfig: { selector: 'EXACT', count: 2 } },
      /2 services of different operators/,
    ],
    ['no word on how to choose', { rekorTlogUrls: [service('a')] }, /how to choose/],
    [
      'an unknown choice',
      { tsaUrls: [service('a')], tsaConfig: { selector: 'SOME' } },
      /tsaConfig/,
    ],
  ])('are refused for %s', (_, changes, words) => {
    expect(() => chooseServices({ mediaType, ...changes }, now)).toThrow(
      expect.objectContaining({
        code: 'signing_config_invalid',
        message: expect.stringMatching(words),
      }),
    );
  });
});
