import { X509Certificate } from 'node:crypto';

/**
 * Returns the certificates of a PEM text and nothing else of it: a file of certificates may hold a
 * private key too. Null if there is none, or one that cannot be read.
 */
export function readCertificates(pem: string): string | null {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch {
    return null;
  }
  return blocks.length > 0 ? blocks.join('\n') : null;
}
