import { once } from 'node:events';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import { freePort } from '../../scripts/docker-registry.ts';

export interface OidcProvider {
  issuer: string;
  stop: () => Promise<void>;
}

const clientId = 'sigstore';

/**
 * A real OpenID Connect issuer on a loopback port. Everybody signs in by their name, and has a
 * verified address at people.test.
 */
export async function startOidcProvider(): Promise<OidcProvider> {
  const issuer = `http://127.0.0.1:${await freePort()}`;
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), use: 'sig', alg: 'ES256' };

  const provider = new Provider(issuer, {
    jwks: { keys: [jwk] },
    clients: [
      {
        client_id: clientId,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['http://localhost/auth/callback'],
        grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    findAccount: (_, accountId) => ({
      accountId,
      claims: () => ({
        sub: accountId,
        email: `${accountId}@people.test`,
        email_verified: true,
      }),
    }),
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
    cookies: { keys: ['test'] },
    pkce: { required: () => true },
  });

  const server = createServer(provider.callback());
  server.listen(Number(new URL(issuer).port), '127.0.0.1');
  await once(server, 'listening');
  return {
    issuer,
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A person with a browser that keeps cookies and follows redirects and forms. */
export class Browser {
  readonly #cookies = new Map<string, string>();
  readonly #login: string;

  constructor(login: string) {
    this.#login = login;
  }

  /** Opens a page, signs in and confirms what it asks; returns the text of the last page. */
  async signIn(url: string): Promise<string> {
    let page = await this.#open(url);
    for (let step = 0; step < 6 && page.text.includes('<form'); step++)
      page = await this.#submit(page);
    return page.text;
  }

  /** Opens a page and leaves its form with the link to cancel. */
  async cancel(url: string): Promise<string> {
    const page = await this.#open(url);
    const link = /href="([^"]+\/abort)"/.exec(page.text)?.[1];
    if (link === undefined) throw new Error('expected a link to cancel');
    return (await this.#open(new URL(link, page.url).href)).text;
  }

  async #submit({ url, text }: { url: string; text: string }) {
    const action = /action="([^"]+)"/.exec(text)?.[1] ?? url;
    const body = new URLSearchParams(
      text.includes('name="login"') ? { login: this.#login, password: 'any' } : { confirm: 'yes' },
    );
    for (const [, name = '', value = ''] of text.matchAll(
      /<input type="hidden" name="([^"]+)" value="([^"]*)"/g,
    ))
      body.set(name, value);

    return this.#open(new URL(action, url).href, { method: 'POST', body });
  }

  async #open(url: string, first: RequestInit = {}): Promise<{ url: string; text: string }> {
    let request = { url, options: first };
    for (;;) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(request.url, {
        ...request.options,
        redirect: 'manual',
        headers: { cookie },
      });
      for (const line of response.headers.getSetCookie()) this.#keep(line);

      const location = response.headers.get('location');
      if (location === null) return { url: request.url, text: await response.text() };
      request = { url: new URL(location, request.url).href, options: {} };
    }
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (value === '') this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
