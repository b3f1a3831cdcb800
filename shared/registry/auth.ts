import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { failure } from './failure.ts';
import { parseJson, tokenAnswer } from './schema.ts';
import { discard, type HttpRequest, type HttpResponse, type Transport } from './transport.ts';

/**
 * A user's name and password; or an identity token, which `docker login` keeps for some registries and which only buys
 * bearer tokens (distribution, "OAuth2 Token Authentication").
 */
export type Credentials = { username: string; password: string } | { identityToken: string };

/** A challenge of `WWW-Authenticate`, its scheme in lower case. */
export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

/**
 * Parses a `WWW-Authenticate` header of one or several challenges (RFC 9110, §11.6.1), e.g.
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

/** What a request is about to do; tokens are asked for and kept per scope. */
export type Scope = `repository:${string}:${'pull' | 'pull,push'}`;

export function pullScope(repository: string): Scope {
  return `repository:${repository}:pull`;
}

export function pushScope(repository: string): Scope {
  return `repository:${repository}:pull,push`;
}

/**
 * What one registry was found to ask for, and the tokens it gave, for one set of credentials. Kept by whoever makes
 * several clients, it spares each of them the refused first request and the token's.
 */
export interface AuthMemory {
  challenge: Challenge | null;
  tokens: Map<Scope, { value: string; untilMs: number }>;
}

export function authMemory(): AuthMemory {
  return { challenge: null, tokens: new Map() };
}

/**
 * Gives requests to one registry their `Authorization`: nothing, basic, or bearer tokens of the registry's token service
 * (distribution, "Token Authentication Specification"), whatever the registry asked for.
 */
export class Authorizer {
  private readonly credentials: Credentials | null;
  private readonly transport: Transport;
  private readonly memory: AuthMemory;

  constructor(
    credentials: Credentials | null,
    transport: Transport,
    memory: AuthMemory = authMemory(),
  ) {
    this.credentials = credentials;
    this.transport = transport;
    this.memory = memory;
  }

  /** The header for a request of this scope, as far as it is known what the registry asks for. */
  async header(registry: URL, scope: Scope): Promise<string | undefined> {
    const { challenge, tokens } = this.memory;
    if (challenge === null) return undefined;
    if (challenge.scheme === 'basic') return this.basicHeader();
    const token = tokens.get(scope);
    if (token !== undefined && token.untilMs > Date.now()) return `Bearer ${token.value}`;
    try {
      return `Bearer ${await this.fetchToken(registry, challenge, scope)}`;
    } catch (error) {
      // The registry may name another token service by now: it is asked the next time.
      this.memory.challenge = null;
      throw error;
    }
  }

  /**
   * Learns from the challenge of a 401: false when there is nothing (new) to try.
   * @param used the header that was just refused
   */
  learn(wwwAuthenticate: string | undefined, scope: Scope, used: string | undefined): boolean {
    const challenges = parseChallenges(wwwAuthenticate ?? '');
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
    if (bearer) {
      this.memory.tokens.delete(scope);
      this.memory.challenge = bearer;
      return true;
    }
    const basic = challenges.find((challenge) => challenge.scheme === 'basic');
    const header = this.basicHeader();
    if (!basic || header === undefined || used === header) return false;
    this.memory.challenge = basic;
    return true;
  }

  private basicHeader(): string | undefined {
    if (this.credentials === null || 'identityToken' in this.credentials) return undefined;
    const { username, password } = this.credentials;
    return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
  }

  private async fetchToken(registry: URL, challenge: Challenge, scope: Scope): Promise<string> {
    const askedMs = Date.now();
    const url = tokenUrl(registry, challenge);
    const answer = await this.transport.send(this.tokenRequest(url, challenge, scope));
    if (answer.status !== 200) throw await tokenFailure(answer, scope);
    const bytes = await this.transport.read(answer, limits.manifestBytesMax);
    const parsed = parseJson(tokenAnswer, bytes, `an answer of the token service ${url.host}`);
    const value = parsed.token ?? parsed.access_token;
    if (!value || /[^\x21-\x7e]/.test(value)) {
      throw new GantryError(
        'registry_response_invalid',
        `the token service ${url.host} sent no usable token`,
      );
    }
    // Absent means 60 seconds, which is also the least that the specification allows.
    const lifeMs = Math.max(parsed.expires_in ?? 60, 60) * 1000;
    this.keep(scope, { value, untilMs: askedMs + lifeMs - limits.registryTokenMarginMs });
    return value;
  }

  private tokenRequest(url: URL, challenge: Challenge, scope: Scope): HttpRequest {
    const { service } = challenge.parameters;
    const asked = { ...(service === undefined ? {} : { service }), scope };
    if (this.credentials === null || !('identityToken' in this.credentials)) {
      for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
      return { method: 'GET', url, authorization: this.basicHeader() };
    }
    const form = {
      grant_type: 'refresh_token',
      refresh_token: this.credentials.identityToken,
      client_id: 'gantry',
    };
    return {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new TextEncoder().encode(new URLSearchParams({ ...form, ...asked }).toString()),
    };
  }

  private keep(scope: Scope, token: { value: string; untilMs: number }): void {
    const { tokens } = this.memory;
    // A worker that sees thousands of repositories must not keep all their tokens: the oldest go.
    tokens.delete(scope);
    for (const oldest of tokens.keys()) {
      if (tokens.size < limits.registryTokensMax) break;
      tokens.delete(oldest);
    }
    tokens.set(scope, token);
  }
}

async function tokenFailure(answer: HttpResponse, scope: Scope): Promise<GantryError> {
  if (answer.status === 429 || answer.status >= 500) return failure(answer, `a token for ${scope}`);
  await discard(answer);
  const { host } = answer.url;
  const how = answer.anonymous ? ' without credentials' : '';
  return new GantryError(
    'registry_unauthorized',
    `the token service ${host} answered ${answer.status} for ${scope}${how}`,
    { expected: 200, found: answer.status, details: { host, status: answer.status } },
  );
}

function tokenUrl(registry: URL, challenge: Challenge): URL {
  const { realm } = challenge.parameters;
  const url = realm !== undefined && URL.canParse(realm) ? new URL(realm) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) {
    throw new GantryError(
      'registry_response_invalid',
      `${registry.host} names no usable token service`,
      {
        expected: 'realm="https://…"',
        found: realm,
      },
    );
  }
  // Credentials are about to be sent there: never in the clear because a registry said so, and never to a loopback
  // service of this machine, such as Lambda's runtime API.
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
