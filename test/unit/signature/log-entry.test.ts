import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { bundleFromJSON } from '@sigstore/bundle';
import { describe, expect, test } from 'vitest';
import { cosignCase, foundSignaturesOf } from '../../../scripts/cosign-fixtures.ts';
import { checkLogEntry } from '../../../shared/signature/log-entry.ts';

/** The log entry and the certificate of a case's bundle. */
function partsOf(name: string) {
  const [candidate] = foundSignaturesOf(cosignCase(name));
  if (candidate?.format !== 'bundle') throw new Error('expected a bundle');

  const { tlogEntries, content } = bundleFromJSON(candidate.bundle).verificationMaterial;
  const [entry] = tlogEntries;
  if (entry === undefined || content.$case !== 'certificate')
    throw new Error('expected a logged keyless bundle');

  return { entry, certificate: new X509Certificate(content.certificate.rawBytes) };
}

describe('a log entry', () => {
  test.each(['keyless-ok', 'keyless-ok-rekor1'])('of %s names its signer and no other', (name) => {
    const { entry, certificate } = partsOf(name);
    const other = partsOf('keyless-wrong-identity').certificate;
    const plain = generateKeyPairSync('ed25519').publicKey;
    const refused = expect.objectContaining({ code: 'tlog_invalid' });

    expect(() => checkLogEntry(entry, certificate.publicKey, certificate)).not.toThrow();
    expect(() => checkLogEntry(entry, other.publicKey, other)).toThrow(refused);
    expect(() => checkLogEntry(entry, plain, null)).toThrow(refused);
    // The certificate's own key without the certificate is another signer: what it says about
    // identity would be lost.
    expect(() => checkLogEntry(entry, certificate.publicKey, null)).toThrow(refused);
  });

  test.each([
    '{}',
    'x',
    '{"kind":"intoto","apiVersion":"0.0.2","spec":{}}',
    '{"kind":"dsse","apiVersion":"0.0.1","spec":{"signatures":[]}}',
  ])('with the body %s is refused', (body) => {
    const { entry, certificate } = partsOf('keyless-ok');
    const broken = { ...entry, canonicalizedBody: Buffer.from(body) };
    expect(() => checkLogEntry(broken, certificate.publicKey, certificate)).toThrow(
      expect.objectContaining({ code: 'tlog_invalid' }),
    );
  });
});
