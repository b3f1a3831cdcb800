import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findIdentity, type IdentityOptions } from '../../../../cli/sign/identity.ts';
import {
  makeToken,
  type SigstoreServer,
  startSigstoreServer,
} from '../../../support/sigstore-server.ts';

let server: SigstoreServer;
let directory: string;
beforeAll(async () => {
  server = await startSigstoreServer();
  directory = await mkdtemp(join(tmpdir(), 'gantry-identity-'));
});
afterEach(() => server.heal());
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

describe('the identity comes from', () => {
  test('the issuer of the CI job, for the audience, afresh with each signature', async () => {
    const identity = findIdentity(options({ env: jobEnv() }));
    expect([await claimsOf(identity.getToken()), await claimsOf(identity.getToken())]).toEqual([
      expect.objectContaining({ aud: 'sigstore', iss: 'https://issuer.test' }),
      expect.objectContaining({ aud: 'sigstore' }),
    ]);

    const asked = server.requests.filter(({ url }) => url.startsWith('/token')).slice(-2);
    expect(asked).toEqual([
      expect.objectContaining({
        url: '/token?version=2&audience=sigstore',
        authorization: 'Bearer job-secret',
      }),
      expect.objectContaining({ authorization: 'Bearer job-secret' }),
    ]);
  });

  test('SIGSTORE_ID_TOKEN before the CI job, and a file before both', async () => {
    const [given, filed] = [
      await makeToken({ subject: 'given' }),
      await makeToken({ subject: 'filed' }),
    ];
    const env = { ...jobEnv(), SIGSTORE_ID_TOKEN: given };
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, `${filed}\n`);

    expect(await claimsOf(findIdentity(options({ env })).getToken())).toMatchObject({
      sub: 'given',
    });
    expect(await claimsOf(findIdentity(options({ env, tokenFile })).getToken())).toMatchObject({
      sub: 'filed',
    });
  });
});

describe('without a usable identity', () => {
  test.each([
    ['a machine', {}, /--identity-token.*--key/],
    ['a job without the permission', { GITHUB_ACTIONS: 'true' }, /id-token: write/],
  ])('%s reads what to do', (_, env, cure) => {
    expect(() => findIdentity(options({ env }))).toThrow(
      expect.objectContaining({
        code: 'identity_missing',
        message: expect.stringMatching(cure),
      }),
    );
  });

  test.each([
    ['an expired token', { expiresInS: -5 }, 'identity_token_expired', /request a new one/],
    ['a token for another audience', { audience: 'else' }, 'identity_token_audience', /client-id/],
  ])('%s is refused before Fulcio sees it', async (_, changes, code, words) => {
    const token = await makeToken(changes);
    const { getToken } = findIdentity(options({ env: { SIGSTORE_ID_TOKEN: token } }));
    const error = await getToken().catch((caught) => caught);

    expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
    expect(error.message).not.toContain(token);
  });

  test.each([
    ['text', 'no-token'],
    ['an unverified address', unsigned({ email: 'a@b.test', email_verified: false })],
    ['no subject', unsigned({ sub: undefined })],
    ['no end', unsigned({ exp: undefined }), 'identity_token_expired'],
  ])('a token of %s is refused', async (_, token, code = 'identity_token_invalid') => {
    const { getToken } = findIdentity(options({ env: { SIGSTORE_ID_TOKEN: token } }));
    await expect(getToken()).rejects.toMatchObject({ code });
  });

  test('a file that is not there is named', async () => {
    const { getToken } = findIdentity(options({ tokenFile: join(directory, 'none') }));
    await expect(getToken()).rejects.toMatchObject({ code: 'io_error' });
  });

  test.each(['refuses', 'hangs up', 'never ends'] as const)(
    'an issuer of the job that %s is named',
    async (fault) => {
      server.fail('token', fault);
      const { getToken } = findIdentity(options({ env: jobEnv() }));
      await expect(getToken()).rejects.toMatchObject({
        code: 'identity_token_invalid',
        message: expect.stringContaining('ACTIONS_ID_TOKEN_REQUEST_URL'),
      });
    },
  );
});

function options(changes: Partial<IdentityOptions>): IdentityOptions {
  return { tokenFile: undefined, audience: 'sigstore', signIn: null, env: {}, ...changes };
}

function jobEnv(): NodeJS.ProcessEnv {
  return {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${server.url}/token?version=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'job-secret',
  };
}

async function claimsOf(token: Promise<string>): Promise<unknown> {
  return JSON.parse(Buffer.from((await token).split('.')[1] ?? '', 'base64url').toString('utf8'));
}

function unsigned(claims: object): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const end = Math.floor(Date.now() / 1000) + 300;
  const all = { iss: 'https://issuer.test', sub: 'a', aud: 'sigstore', exp: end, ...claims };
  return [encode({ alg: 'none' }), encode(all), 'x'].join('.');
}
