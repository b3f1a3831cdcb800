import { webcrypto } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** Files of a certificate and its key, in PEM. */
export interface CertificatePair {
  certificate: string;
  key: string;
}

/** A certificate authority that no machine knows. */
export interface TlsAuthority {
  /** Its own certificate. */
  pem: string;
  /** The file of `pem`. */
  file: string;
  /** Where the files are. */
  directory: string;
  /** Makes a certificate of a server with these names and addresses, or of a client. */
  issue: (name: string, addresses?: string[]) => Promise<CertificatePair>;
  close: () => Promise<void>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 24 * 3600 * 1000;

export async function createTlsAuthority(): Promise<TlsAuthority> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-authority-'));
  const keys = await makeKeys();
  const root = await makeCertificate('CN=authority of tests', keys, { keys, isAuthority: true });
  const file = join(directory, 'authority.crt');
  const pem = root.toString('pem');
  await writeFile(file, pem);

  return {
    pem,
    file,
    directory,
    close: () => rm(directory, { recursive: true, force: true }),
    async issue(name, addresses = []) {
      const own = await makeKeys();
      const signed = await makeCertificate(`CN=${name}`, own, {
        keys,
        issuer: root,
        names: [name],
        addresses,
      });

      const certificate = join(directory, `${name}.cert`);
      const key = join(directory, `${name}.key`);
      await writeFile(certificate, signed.toString('pem'));
      await writeFile(key, await exportKey(own.privateKey));
      return { certificate, key };
    },
  };
}

function makeKeys() {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

interface Signing {
  keys: webcrypto.CryptoKeyPair;
  issuer?: X509Certificate;
  isAuthority?: true;
  names?: string[];
  addresses?: string[];
}

function makeCertificate(
  subject: string,
  { publicKey }: webcrypto.CryptoKeyPair,
  { keys, issuer, isAuthority, names = [], addresses = [] }: Signing,
): Promise<X509Certificate> {
  const alternatives = [
    ...names.map((value) => ({ type: 'dns', value }) as const),
    ...addresses.map((value) => ({ type: 'ip', value }) as const),
  ];

  return X509CertificateGenerator.create({
    subject,
    issuer: issuer?.subject ?? subject,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
    publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(isAuthority === true),
      ...(alternatives.length === 0 ? [] : [new SubjectAlternativeNameExtension(alternatives)]),
    ],
  });
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)?.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
