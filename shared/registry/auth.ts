import { LRUCache } from 'lru-cache';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { readError } from './failure.ts';
import { parseJson, tokenResponse } from './schema.ts';
import { discard, type HttpRequest, type HttpResponse, type Transport } from './transport.ts';

/**
 * A user name and password, an identity token, or a bearer token of the registry itself. `docker
 * login` stores an identity token for some registries; it can only be exchanged for bearer tokens
 * (distribution, "OAuth2 Token Authentication").
 */
export type Credentials =
  | { username: string; password: string }
  | { identityToken: string }
  | { registryToken: string };

/** A challenge of a `WWW-Authenticate` header. The scheme is in lower case. */
export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

/**
 * Parses a `WWW-Authenticate` header with one or more challenges (RFC 9110, §11.6.1), e.g.
 * `Bearer realm="https://auth.example.com/token",service="registry",scope="repository:a/b:pull"`.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  const token =
    /\s*,?\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/y;

  for (let match = token.exec(header); match; match = token.exec(header)) {
    const [, name = '', quoted, bare] = match;
    if (quoted === undefined && bare === undefined) {
      challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    } else {
      const last = challenges.at(-1);
      if (last) last.parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '';
    }
  }

  return challenges;
}

/** What a request does. Tokens are requested and cached per scope. */
export type Scope = `repository:${string}:${'pull' | 'pull,push'}`;

export function pullScope(repository: string): Scope {
  return `repository:${repository}:pull`;
}

export function pushScope(repository: string): Scope {
  return `repository:${repository}:pull,push`;
}

/**
 * What clients of one registry with one set of credentials remember: its challenge and the tokens
 * that it issued. Clients that share it skip the refused first request, the request for a token,
 * and one for referrers that the registry cannot list.
 */
export interface RegistryMemory {
  challenge: Challenge | null;
  /** Whether a response of the registry was no challenge. */
  unchallenged: boolean;
  tokens: LRUCache<Scope, string>;
  /** Repositories without the referrers API. */
  withoutReferrers: LRUCache<string, true>;
}

export function createRegistryMemory(): RegistryMemory {
  const tokens = new LRUCache<Scope, string>({ max: limits.registryTokensMax });
  const withoutReferrers = new LRUCache<string, true>({
    max: limits.referrersAbsentMax,
    ttl: limits.referrersAbsentMs,
  });
  return { challenge: null, unchallenged: false, tokens, withoutReferrers };
}

/**
 * Sets the `Authorization` of requests to one registry as the registry demands: none, basic, or
 * bearer tokens of its token service (distribution, "Token Authentication Specification").
 */
export class Authorizer {
  readonly #credentials: Credentials | null;
  readonly #transport: Transport;
  readonly #memory: RegistryMemory;
  /** Requests for tokens on their way: concurrent requests of one scope share a token. */
  readonly #awaited = new Map<Scope, Promise<string>>();

  constructor(credentials: Credentials | null, transport: Transport, memory: RegistryMemory) {
    this.#credentials = credentials;
    this.#transport = transport;
    this.#memory = memory;
  }

  /** Whether a request can be sent as the registry demands it, as far as is known. */
  get knowsDemand(): boolean {
    return this.#memory.challenge !== null || this.#memory.unchallenged;
  }

  noteUnchallenged(): void {
    this.#memory.unchallenged = true;
  }

  /**
   * Returns the header for a request of this scope, or undefined until the registry sent a
   * challenge.
   */
  async header(registry: URL, scope: Scope): Promise<string | undefined> {
    const { challenge, tokens } = this.#memory;
    if (challenge === null) return undefined;
    if (challenge.scheme === 'basic') return this.#basicHeader();

    const token =
      this.#credentials !== null && 'registryToken' in this.#credentials
        ? this.#credentials.registryToken
        : tokens.get(scope);
    if (token !== undefined) return `Bearer ${token}`;

    try {
      return `Bearer ${await this.#awaitToken(registry, challenge, scope)}`;
    } catch (error) {
      // The registry may name another token service by now, so the next request asks for a new
      // challenge.
      this.#memory.challenge = null;
      throw error;
    }
  }

  /**
   * Learns from the challenge of a 401. Returns false when there is nothing new to try.
   * @param used the header that was refused
   */
  learn(wwwAuthenticate: string | undefined, scope: Scope, used: string | undefined): boolean {
    const challenges = parseChallenges(wwwAuthenticate ?? '');
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');

    if (bearer) {
      this.#memory.tokens.delete(scope);
      this.#memory.challenge = bearer;
      return true;
    }

    const basic = challenges.find((challenge) => challenge.scheme === 'basic');
    const header = this.#basicHeader();
    if (!basic || header === undefined || used === header) return false;

    this.#memory.challenge = basic;
    return true;
  }

  #basicHeader(): string | undefined {
    if (this.#credentials === null || !('username' in this.#credentials)) return undefined;
    const { username, password } = this.#credentials;
    return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
  }

  #awaitToken(registry: URL, challenge: Challenge, scope: Scope): Promise<string> {
    const awaited = this.#awaited.get(scope);
    if (awaited !== undefined) return awaited;

    const token = this.#fetchToken(registry, challenge, scope).finally(() =>
      this.#awaited.delete(scope),
    );
    this.#awaited.set(scope, token);
    return token;
  }

  async #fetchToken(registry: URL, challenge: Challenge, scope: Scope): Promise<string> {
    const askedMs = Date.now();
    const url = tokenUrl(registry, challenge);
    const answer = await this.#transport.send(this.#tokenRequest(url, challenge, scope));
    if (answer.status !== 200) throw await readTokenError(answer, scope);

    const bytes = await this.#transport.read(answer, limits.manifestBytesMax);
    const parsed = parseJson(tokenResponse, bytes, `a response of the token service ${url.host}`);
    const value = parsed.token || parsed.access_token;

    if (!value || /[^\x21-\x7e]/.test(value)) {
      throw new GantryError(
        'registry_response_invalid',
        `the token service ${url.host} sent no usable token`,
      );
    }

    // A missing lifetime means 60 seconds, which is also the minimum of the specification.
    const lifeMs = Math.max(parsed.expires_in ?? 60, 60) * 1000;
    const ttl = askedMs + lifeMs - limits.registryTokenMarginMs - Date.now();
    // For the cache a ttl of 0 means "never expires".
    if (ttl > 0) this.#memory.tokens.set(scope, value, { ttl });

    return value;
  }

  #tokenRequest(url: URL, challenge: Challenge, scope: Scope): HttpRequest {
    const { service } = challenge.parameters;
    const asked = { ...(service === undefined ? {} : { service }), scope };
    if (this.#credentials === null || !('identityToken' in this.#credentials)) {
      for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
      return { method: 'GET', url, authorization: this.#basicHeader() };
    }

    const form = {
      grant_type: 'refresh_token',
      refresh_token: this.#credentials.identityToken,
      client_id: 'gantry',
    };

    return {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new TextEncoder().encode(new URLSearchParams({ ...form, ...asked }).toString()),
    };
  }
}

/** The error has no `status` in its details: it is no response to the request for the data. */
async function readTokenError(answer: HttpResponse, scope: Scope): Promise<GantryError> {
  const { status: found } = answer;
  const { host } = answer.url;
  if (found === 429 || found >= 500) {
    const { code, message, details } = await readError(answer, `a token for ${scope}`);
    const { status: _, ...known } = details as { status: number };
    return new GantryError(code, message, { found, details: known });
  }

  await discard(answer);
  const how = answer.anonymous ? ' without credentials' : '';

  return new GantryError(
    'registry_unauthorized',
    `the token service ${host} returned ${found} for ${scope}${how}`,
    { expected: 200, found, details: { host } },
  );
}

function tokenUrl(registry: URL, challenge: Challenge): URL {
  const { realm = '' } = challenge.parameters;
  // zot names its own token service by a path (project-zot/zot#4033).
  const base = /^\/(?!\/)/.test(realm) ? registry.href : undefined;
  const url = URL.canParse(realm, base) ? new URL(realm, base) : undefined;

  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) {
    throw new GantryError(
      'registry_response_invalid',
      `${registry.host} names no usable token service`,
      {
        expected: 'realm="https://…"',
        found: challenge.parameters.realm,
      },
    );
  }

  // Gantry sends credentials to this URL. A registry must not make it send them in the clear, or to
  // a loopback service of this machine such as Lambda's runtime API.
  if (url.protocol === 'http:' && registry.protocol === 'https:') {
    throw new GantryError(
      'registry_response_invalid',
      `${registry.host} names a token service without https`,
      {
        expected: 'https',
        found: url.origin,
      },
    );
  }

  return url;
}
