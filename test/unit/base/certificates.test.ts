import { generateKeyPairSync } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { expect, test } from 'vitest';
import { readCertificates } from '../../../shared/base/certificates.ts';

const [first = '', second = ''] = rootCertificates;
const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });

test('of a file with certificates and a key only the certificates are kept', () => {
  expect(readCertificates(`${first}\n${key}\n# mine\n${second}\n`)).toBe(`${first}\n${second}`);
});

test.each([
  ['a key alone', String(key)],
  ['no PEM', 'ca'],
  ['a certificate that cannot be read', first.replace(/\n[^-]+\n/, '\nAAAA\n')],
])('%s is none', (_, pem) => {
  expect(readCertificates(pem)).toBeNull();
});
