import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { checkIdentityToken } from './identity-token.ts';
import { readText, StatusError } from './services.ts';
import type { SignInOptions } from './sign-in.ts';

/** Gives identity tokens. */
export interface IdentityProvider {
  /** Lets a person sign in, where one must. */
  prepare: () => Promise<void>;
  getToken: () => Promise<string>;
}

export interface IdentityOptions {
  /** File with a token, from `--identity-token`. */
  tokenFile: string | undefined;
  /** The client id at the issuer, which is also the audience of the token. */
  audience: string;
  /** How a person signs in; null where nobody can be asked. */
  signIn: SignInOptions | null;
  env: NodeJS.ProcessEnv;
}

/** A place that a token can come from, and how it is read there. */
interface TokenSource {
  isPresent: boolean;
  isPerson?: true;
  read: () => Promise<string>;
}

/**
 * Finds where identity tokens come from: a file, the environment, the issuer of the CI job, or a
 * person at a terminal.
 * @throws GantryError `identity_missing`
 */
export function findIdentity(options: IdentityOptions): IdentityProvider {
  const source = listSources(options).find(({ isPresent }) => isPresent);
  if (source === undefined) throw missing(options.env);

  const getToken = async () =>
    checkIdentityToken((await source.read()).trim(), options.audience, new Date());
  return {
    getToken,
    prepare: async () => {
      if (source.isPerson) await getToken();
    },
  };
}

/** In the order of preference: what somebody gave for this command comes first. */
function listSources({ tokenFile, audience, signIn, env }: IdentityOptions): TokenSource[] {
  const { SIGSTORE_ID_TOKEN: given = '' } = env;
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url = '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer = '' } =
    env;
  let signedIn: Promise<string> | undefined;

  return [
    { isPresent: tokenFile !== undefined, read: () => readTokenFile(tokenFile ?? '') },
    { isPresent: given !== '', read: async () => given },
    { isPresent: url !== '' && bearer !== '', read: () => requestToken(url, bearer, audience) },
    {
      isPresent: signIn !== null,
      isPerson: true,
      // A person signs in once for all signatures of a command.
      read: async () => {
        const { signInForToken } = await import('./sign-in.ts');
        signedIn ??= signInForToken({ ...(signIn as SignInOptions), clientId: audience });
        return signedIn;
      },
    },
  ];
}

async function readTokenFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `expected a readable file for --identity-token, found an error: ${(cause as Error).message}`,
      { field: '--identity-token', cause },
    );
  }
}

const tokenResponse = z.looseObject({ value: z.string().min(1) });

/**
 * Requests the token of a CI job as GitHub Actions and everything of its shape gives it. Each
 * certificate gets a fresh one, because these tokens live for minutes.
 */
async function requestToken(url: string, bearer: string, audience: string): Promise<string> {
  const failed = (found: string, cause?: unknown) =>
    new GantryError(
      'identity_token_invalid',
      `expected an identity token from the issuer of the CI job (ACTIONS_ID_TOKEN_REQUEST_URL), found ${found}; run the job again`,
      { cause },
    );

  try {
    const target = new URL(url);
    target.searchParams.set('audience', audience);
    const response = await fetch(target, {
      headers: { accept: 'application/json', authorization: `Bearer ${bearer}` },
      signal: AbortSignal.timeout(limits.signingTimeoutMs),
    });
    if (!response.ok) throw failed(`status ${response.status}`);

    return tokenResponse.parse(JSON.parse(await readText(response))).value;
  } catch (cause) {
    if (cause instanceof GantryError) throw cause;
    if (cause instanceof StatusError) throw failed(cause.message, cause);
    throw failed(cause instanceof z.ZodError ? 'a response without one' : 'no response', cause);
  }
}

function missing(env: NodeJS.ProcessEnv): GantryError {
  const isJob = env.GITHUB_ACTIONS === 'true' || env.GITEA_ACTIONS === 'true';
  const cure = isJob
    ? 'give the job "permissions: id-token: write" if its server issues tokens, or sign with --key'
    : 'run the command on a terminal to sign in, set SIGSTORE_ID_TOKEN or --identity-token, or sign with --key';

  return new GantryError(
    'identity_missing',
    `expected an identity to sign with, found neither a token nor a terminal; ${cure}`,
  );
}
