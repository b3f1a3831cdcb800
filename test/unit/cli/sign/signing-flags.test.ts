import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  openSigner,
  refuseSigningFlags,
  type SigningFlags,
} from '../../../../cli/input/signing-flags.ts';
import { signStatement } from '../../../../shared/signature/index.ts';
import {
  makeToken,
  type SigstoreServer,
  startSigstoreServer,
} from '../../../support/sigstore-server.ts';

const { payload } = signStatement(`sha256:${'ab'.repeat(32)}`);

let sigstore: SigstoreServer;
let directory: string;
let identityToken: string;
beforeAll(async () => {
  sigstore = await startSigstoreServer();
  directory = await mkdtemp(join(tmpdir(), 'gantry-flags-'));
  identityToken = join(directory, 'token');
  await writeFile(identityToken, await makeToken({}));
});
afterAll(async () => {
  await sigstore.stop();
  await rm(directory, { recursive: true, force: true });
});

describe('the services are', () => {
  test('only those that URLs name, and nothing public', async () => {
    const before = sigstore.requests.length;
    const { sign } = await openSigner(
      flags({
        identityToken,
        fulcioUrl: `${sigstore.url}/`,
        timestampServerUrl: `${sigstore.url}/api/v1/timestamp`,
      }),
    );

    expect(await sign(payload)).not.toHaveProperty('verificationMaterial.tlogEntries');
    expect(sigstore.requests.slice(before).map(({ url }) => url)).toEqual([
      '/api/v2/signingCert',
      '/api/v1/timestamp',
    ]);
  });

  test('those of a configuration, with a URL in place of one of them', async () => {
    const signingConfig = join(directory, 'signing_config.json');
    await writeFile(signingConfig, JSON.stringify(sigstore.signingConfig(1)));
    const { sign } = await openSigner(
      flags({ identityToken, signingConfig, rekorUrl: sigstore.url, rekorVersion: '2' }),
    );

    expect(await sign(payload)).toMatchObject({
      verificationMaterial: {
        tlogEntries: [{ kindVersion: { kind: 'hashedrekord', version: '0.0.2' } }],
      },
    });
  });
});

describe('refused before anything is signed', () => {
  const [fulcioUrl, rekorUrl] = ['https://fulcio.test', 'https://rekor.test'];
  test.each<[string, Partial<SigningFlags>, RegExp]>([
    ['no certificate authority', { rekorUrl }, /--fulcio-url/],
    ['nothing that states a time', { fulcioUrl }, /--timestamp-server-url/],
    [
      'a log that states no time',
      { fulcioUrl, rekorUrl, rekorVersion: '2' },
      /Rekor 2 states none/,
    ],
    ['a URL that is none', { fulcioUrl: 'fulcio.test' }, /--fulcio-url/],
    ['a key beside a token', { key: 'a.key', identityToken: 'token' }, /either --key/],
  ])('%s', async (_, given, words) => {
    await expect(openSigner(flags(given))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(words),
    });
  });

  test('flags of a signature without --sign', () => {
    expect(() => refuseSigningFlags(flags({}))).not.toThrow();
    expect(() => refuseSigningFlags(flags({ key: 'a.key' }))).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('--sign') }),
    );
  });
});

function flags(given: Partial<SigningFlags>): SigningFlags {
  return { oidcClientId: 'sigstore', ...given };
}
