import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findIdentity } from '../../../../cli/sign/identity.ts';
import { type SignInOptions, signInForToken } from '../../../../cli/sign/sign-in.ts';
import { Browser, type OidcProvider, startOidcProvider } from '../../../support/oidc-provider.ts';

let provider: OidcProvider;
beforeAll(async () => {
  provider = await startOidcProvider();
});
afterAll(() => provider.stop());

describe('a person at a terminal', () => {
  test('signs in on the page that the browser opens, once for all signatures', async () => {
    const pages: Promise<string>[] = [];
    const said: string[] = [];
    const identity = findIdentity({
      tokenFile: undefined,
      audience: 'sigstore',
      env: {},
      signIn: {
        issuer: provider.issuer,
        flow: 'browser',
        say: (line) => said.push(line),
        openPage: (url) => pages.push(new Browser('rita').signIn(url)),
      },
    });

    await identity.prepare();
    expect(pages).toHaveLength(1);
    const [first, second] = [await identity.getToken(), await identity.getToken()];
    expect(claimsOf(first)).toMatchObject({
      iss: provider.issuer,
      aud: 'sigstore',
      email: 'rita@people.test',
      email_verified: true,
    });
    expect(second).toBe(first);
    expect(pages).toHaveLength(1);
    expect(await pages[0]).toContain('You are signed in');
    expect(said.join('\n')).toContain(`${provider.issuer}/auth?`);
  });

  test('signs in although other pages call the port that the browser comes back to', async () => {
    const statuses: number[] = [];
    const call = async (redirect: string, path: string) => {
      const url = `${new URL(redirect).origin.replace('localhost', '127.0.0.1')}${path}`;
      const asked = request(url, { path }).end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      response.resume();
      statuses.push(response.statusCode ?? 0);
    };

    const token = await signIn({
      openPage: async (url) => {
        const redirect = new URL(url).searchParams.get('redirect_uri') ?? '';
        const state = new URL(url).searchParams.get('state');
        await call(redirect, '/auth/callback?code=stolen&state=another');
        await call(redirect, '/auth/callback?error=access_denied');
        await call(redirect, '//');
        await call(redirect, `//evil.test/auth/callback?code=stolen&state=${state}`);
        await new Browser('rita').signIn(url);
      },
    });

    expect(claimsOf(token)).toMatchObject({ email: 'rita@people.test' });
    expect(statuses).toEqual([400, 400, 404, 404]);
  });

  test('signs in on another device', async () => {
    let done: Promise<string> | undefined;
    const token = await signIn({
      flow: 'device',
      say: (line) => {
        done = new Browser('otto').signIn(line.split('\n').at(-1) ?? '');
      },
    });

    expect(claimsOf(token)).toMatchObject({ email: 'otto@people.test' });
    await done;
  }, 30_000);
});

describe('a sign-in fails', () => {
  test('when the person cancels it', async () => {
    const canceled = signIn({ openPage: (url) => new Browser('rita').cancel(url) });
    await expect(canceled).rejects.toMatchObject({
      code: 'sign_in_failed',
      message: expect.stringContaining('End-User aborted'),
    });
  });

  test('when nobody is at the issuer, or the client is unknown', async () => {
    await expect(signIn({ issuer: 'http://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'sign_in_failed',
      message: expect.stringContaining('127.0.0.1:1'),
    });
    await expect(signIn({ flow: 'device', clientId: 'unknown' })).rejects.toMatchObject({
      code: 'sign_in_failed',
    });
  });
});

function signIn(changes: Partial<SignInOptions & { clientId: string }>): Promise<string> {
  return signInForToken({
    issuer: provider.issuer,
    clientId: 'sigstore',
    flow: 'browser',
    say: () => {},
    ...changes,
  });
}

function claimsOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
}
