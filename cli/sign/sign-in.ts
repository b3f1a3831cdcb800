import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as oidc from 'openid-client';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';

export const signInFlows = ['browser', 'device'] as const;

export interface SignInOptions {
  issuer: string;
  flow: (typeof signInFlows)[number];
  /** Shows a line to the person. */
  say: (line: string) => void;
  /** Opens a page; the person can also open it by hand. */
  openPage?: (url: string) => void;
}

const scope = 'openid email';

/**
 * Lets a person sign in at an OpenID Connect issuer, and returns the identity token.
 * @throws GantryError `sign_in_failed`
 */
export async function signInForToken(
  options: SignInOptions & { clientId: string },
): Promise<string> {
  const { issuer, clientId, flow } = options;
  try {
    const url = new URL(issuer);
    const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
    const config = await oidc.discovery(url, clientId, undefined, oidc.None(), {
      execute: isLoopback ? [oidc.allowInsecureRequests] : [],
    });

    const tokens = await (flow === 'browser' ? useBrowser : useDevice)(config, options);
    if (tokens.id_token !== undefined) return tokens.id_token;
  } catch (cause) {
    if (cause instanceof GantryError) throw cause;
    throw failed(issuer, describe(cause), cause);
  }

  throw failed(issuer, 'a response without an identity token');
}

/** The authorization code flow with PKCE (RFC 8252): the browser comes back to a loopback port. */
async function useBrowser(
  config: oidc.Configuration,
  { issuer, say, openPage = openInBrowser }: SignInOptions,
): Promise<oidc.TokenEndpointResponse> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  try {
    const { port } = server.address() as AddressInfo;
    const redirect_uri = `http://localhost:${port}/auth/callback`;
    const [verifier, state, nonce] = [
      oidc.randomPKCECodeVerifier(),
      oidc.randomState(),
      oidc.randomNonce(),
    ];

    const page = oidc.buildAuthorizationUrl(config, {
      redirect_uri,
      scope,
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }).href;
    say(`Sign in on this page, which your browser opens:\n${page}`);
    openPage(page);

    const callback = await waitForCallback(server, redirect_uri, { state, issuer });
    return await oidc.authorizationCodeGrant(config, callback, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
      idTokenExpected: true,
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Any page in a browser may call the port: only the request with the state is the issuer's. */
function waitForCallback(
  server: ReturnType<typeof createServer>,
  redirectUri: string,
  { state, issuer }: { state: string; issuer: string },
): Promise<URL> {
  return new Promise((resolve, reject) => {
    const late = () => reject(failed(issuer, 'nobody signed in within the time'));
    const timer = setTimeout(late, limits.signInTimeoutMs);

    server.on('request', (request, response) => {
      const url = URL.parse(`${new URL(redirectUri).origin}${request.url}`);
      const isCallback = url?.pathname === new URL(redirectUri).pathname;
      if (!isCallback || url.searchParams.get('state') !== state) {
        response.writeHead(isCallback ? 400 : 404).end();
        return;
      }

      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
      response.end('You are signed in. Return to the terminal and close this page.\n', () => {
        clearTimeout(timer);
        resolve(url);
      });
    });
  });
}

/** The device flow (RFC 8628), for terminals without a browser. */
async function useDevice(
  config: oidc.Configuration,
  { say }: SignInOptions,
): Promise<oidc.TokenEndpointResponse> {
  const verifier = oidc.randomPKCECodeVerifier();
  const started = await oidc.initiateDeviceAuthorization(config, {
    scope,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });

  const page = started.verification_uri_complete ?? started.verification_uri;
  say(`Sign in on this page, on any device, with the code ${started.user_code}:\n${page}`);
  return oidc.pollDeviceAuthorizationGrant(
    config,
    started,
    { code_verifier: verifier },
    { signal: AbortSignal.timeout(limits.signInTimeoutMs) },
  );
}

function openInBrowser(url: string): void {
  const openers: Partial<Record<NodeJS.Platform, string[]>> = {
    darwin: ['open'],
    win32: ['rundll32', 'url.dll,FileProtocolHandler'],
  };
  const [command = 'xdg-open', ...args] = openers[process.platform] ?? [];

  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  // Without an opener the person opens the page that the terminal shows.
  child.on('error', () => {});
  child.unref();
}

/** Libraries keep the telling part in the cause or in the response of the issuer. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof oidc.ResponseBodyError || error instanceof oidc.AuthorizationResponseError) {
    return error.error_description ?? error.error;
  }
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function failed(issuer: string, found: string, cause?: unknown): GantryError {
  return new GantryError(
    'sign_in_failed',
    `expected a person to sign in at ${issuer}, found ${found}; run the command again`,
    { cause },
  );
}
