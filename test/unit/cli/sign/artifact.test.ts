import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { makeBundle } from '../../../../cli/sign/artifact.ts';
import { createKeyedSigner } from '../../../../cli/sign/signer.ts';
import { limits } from '../../../../shared/base/limits/index.ts';
import {
  attestStatement,
  predicateTypes,
  signStatement,
} from '../../../../shared/signature/index.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const signer = await createKeyedSigner(privateKey, {
  fulcio: null,
  oidcIssuer: null,
  rekor: [],
  timestamps: [],
});

test('what Gantry would not read is not attached: a large signature, or a larger attestation', async () => {
  const annotations = { note: 'a'.repeat(limits.signatureBytesMax) };
  await expect(makeBundle(signStatement(digest, annotations), signer)).rejects.toMatchObject({
    code: 'signature_too_large',
    expected: limits.signatureBytesMax,
  });

  const attest = (length: number) =>
    attestStatement({
      subjects: [{ name: 'r.test/a', digest }],
      predicateType: predicateTypes.cyclonedx,
      predicate: { note: 'a'.repeat(length) },
    });
  const fits = attest(limits.attestationBytesMax / 2);
  expect(await makeBundle(fits, signer)).toMatchObject({ predicateType: fits.predicateType });

  // Base64 makes a bundle longer than its statement.
  const grows = attest(limits.attestationBytesMax * 0.9);
  await expect(makeBundle(grows, signer)).rejects.toMatchObject({
    code: 'signature_too_large',
    expected: limits.attestationBytesMax,
  });
});
