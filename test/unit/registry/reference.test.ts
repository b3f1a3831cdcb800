import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { registryHostSchema } from '../../../shared/contract/registries/index.ts';
import { isLoopbackHost } from '../../../shared/domain/registries/index.ts';
import { ecrRegion, formatReference, parseReference } from '../../../shared/registry/reference.ts';

const hex = 'a'.repeat(64);

describe('references', () => {
  test.each([
    ['ghcr.io/acme/redis', { host: 'ghcr.io', repository: 'acme/redis' }],
    ['ghcr.io/acme/redis:v1.0.0', { host: 'ghcr.io', repository: 'acme/redis', tag: 'v1.0.0' }],
    ['127.0.0.1:5000/a:b', { host: '127.0.0.1:5000', repository: 'a', tag: 'b' }],
    [
      `r.test/${'a'.repeat(255)}:${'t'.repeat(128)}`,
      { host: 'r.test', repository: 'a'.repeat(255), tag: 't'.repeat(128) },
    ],
    ['r.test/a--bc/d--ef', { host: 'r.test', repository: 'a--bc/d--ef' }],
    ['localhost/a', { host: 'localhost', repository: 'a' }],
    ['[::1]:5000/a/b', { host: '[::1]:5000', repository: 'a/b' }],
    [`r.test/a@sha256:${hex}`, { host: 'r.test', repository: 'a', digest: `sha256:${hex}` }],
    [
      `r.test/a:t@sha256:${hex}`,
      { host: 'r.test', repository: 'a', tag: 't', digest: `sha256:${hex}` },
    ],
  ])('%s is taken apart', (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
    expect(formatReference(parseReference(text))).toBe(text);
  });

  test.each([
    'redis',
    'acme/redis:v1',
    '/a',
    'r.test/',
    'r.test/A',
    'r.test/a//b',
    'r.test/../a',
    'r.test/a:',
    'r.test/a:-x',
    `r.test/a:${'t'.repeat(129)}`,
    'r.test/a@sha256:abc',
    'r.test/a@sha512:abc',
    'r.test:99999/a',
    'r.test:0/a',
    'https://r.test/a',
    'user@r.test/a',
    'r.test/a b',
    'r.test/:v1',
    `r.test/a@xsha256:${hex}`,
    `r.test/@sha256:${hex}`,
    `r.test/a@sha256:${hex}b`,
    `r.test/${'a'.repeat(256)}`,
    'r.test/a?x=1',
    'r.test/a#x',
    'r.test:000/a',
    '1.2.3.999/a',
    '999999999999:5000/a',
    '[:::]:5000/a',
  ])('%s is refused with what was expected', (text) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: 'reference_invalid', found: text }),
    );
  });

  // Other tools want a scheme: apache/superset-kubernetes-operator#9
  test.each(['oci://', 'https://', 'docker://'])('%s is named as what is too much', (scheme) => {
    expect(() => parseReference(`${scheme}ghcr.io/acme/redis:v1`)).toThrow(
      `"${scheme}ghcr.io/acme/redis:v1" is not an OCI reference: expected it without ${scheme}`,
    );
  });

  test.each([
    ['GHCR.io', 'ghcr.io'],
    ['ghcr.io:443', 'ghcr.io'],
    ['ghcr.io:0443', 'ghcr.io'],
    ['ghcr.io:80', 'ghcr.io:80'],
    ['R.test:05000', 'r.test:5000'],
    ['index.docker.io', 'docker.io'],
    ['registry-1.Docker.io:443', 'docker.io'],
    ['2130706434:9001', '127.0.0.2:9001'],
    ['[2001:DB8:0::1]:5000', '[2001:db8::1]:5000'],
    ['localhost:443', 'localhost:443'],
    ['127.0.0.1:80', '127.0.0.1'],
  ])('the host %s has the budget, credentials and webhooks of %s', (written, host) => {
    expect(parseReference(`${written}/a`).host).toBe(host);
    expect(parseReference(`${host}/a`).host).toBe(host);
    expect(registryHostSchema.parse(written)).toBe(host);
  });

  test('what is accepted formats back to itself and never leaves its path', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'ab.:/@-_AZ?#%[]0'), maxLength: 30 }),
        (tail) => {
          const text = `r.test/${tail}`;
          let reference: ReturnType<typeof parseReference>;
          try {
            reference = parseReference(text);
          } catch {
            return;
          }

          expect(formatReference(reference)).toBe(text);
          const path = `/v2/${reference.repository}/manifests/${reference.digest ?? reference.tag ?? 'x'}`;

          expect(new URL(path, 'https://r.test').pathname).toBe(path);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('only this machine is spoken to in the clear', () => {
    for (const host of [
      'localhost',
      'localhost:5000',
      'r.localhost',
      '127.0.0.1:80',
      '127.9.9.9',
      '[::1]:5000',
    ]) {
      expect(isLoopbackHost(host)).toBe(true);
    }
    for (const host of [
      'r.test',
      'localhost.evil.test',
      '127.0.0.1.evil.test',
      '10.0.0.1',
      '[::2]',
      '128.0.0.1',
    ]) {
      expect(isLoopbackHost(host)).toBe(false);
    }
  });
});

describe('a host of ECR', () => {
  test.each([
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'eu-west-1'],
    ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['123456789012.dkr-ecr.eu-west-1.on.aws', 'eu-west-1'],
    ['public.ecr.aws', null],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.com', null],
    ['12345.dkr.ecr.eu-west-1.amazonaws.com', null],
    ['evil-123456789012.dkr.ecr.eu-west-1.amazonaws.com', null],
  ])('%s is of region %s', (host, region) => {
    expect(ecrRegion(host)).toBe(region);
  });
});
