import { GantryError } from '../error.ts';
import { limits } from '../limits.ts';
import { parseJson, tokenAnswer } from './schema.ts';
import { discard, type Transport } from './transport.ts';

export interface Credentials {
  username: string;
  password: string;
}

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
  const token = /\s*,?\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/y;
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
 * Gives requests to one registry their `Authorization`: nothing, basic, or bearer tokens of the registry's token service
 * (distribution, "Token Authentication Specification"), whatever the registry asked for.
 */
export class Authorizer {
  private readonly credentials: Credentials | null;
  private readonly transport: Transport;
  private readonly tokens = new Map<Scope, string>();
  private basic = false;

  constructor(credentials: Credentials | null, transport: Transport) {
    this.credentials = credentials;
    this.transport = transport;
  }

  /** The header for a request of this scope, as far as it is known yet. */
  current(scope: Scope): string | undefined {
    if (this.basic && this.credentials) return basicHeader(this.credentials);
    const token = this.tokens.get(scope);
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  /**
   * Answers the challenge of a 401: false when there is nothing (new) to try.
   * @param used the header that was just refused
   * @throws GantryError of the token service's failure
   */
  async answer(
    registry: URL,
    wwwAuthenticate: string | undefined,
    scope: Scope,
    used: string | undefined,
  ): Promise<boolean> {
    const challenges = parseChallenges(wwwAuthenticate ?? '');
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
    if (bearer) {
      this.tokens.set(scope, await this.fetchToken(registry, bearer, scope));
      return true;
    }
    const basic = challenges.some((challenge) => challenge.scheme === 'basic');
    if (!basic || !this.credentials || used === basicHeader(this.credentials)) return false;
    this.basic = true;
    return true;
  }

  private async fetchToken(registry: URL, challenge: Challenge, scope: Scope): Promise<string> {
    const url = tokenUrl(registry, challenge);
    const { service } = challenge.parameters;
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', scope);
    const authorization = this.credentials ? basicHeader(this.credentials) : undefined;
    const answer = await this.transport.send({ method: 'GET', url, authorization });
    if (answer.status !== 200) {
      await discard(answer);
      const code =
        answer.status === 429
          ? 'registry_rate_limited'
          : answer.status >= 500
            ? 'registry_error'
            : 'registry_unauthorized';
      throw new GantryError(code, `the token service ${url.host} answered ${answer.status} for ${scope}`, {
        expected: 200,
        found: answer.status,
      });
    }
    const bytes = await this.transport.read(answer, limits.manifestBytesMax);
    const { token, access_token } = parseJson(tokenAnswer, bytes, `an answer of the token service ${url.host}`);
    const value = token ?? access_token;
    if (!value || /[^\x21-\x7e]/.test(value)) {
      throw new GantryError('registry_response_invalid', `the token service ${url.host} sent no usable token`);
    }
    return value;
  }
}

function tokenUrl(registry: URL, challenge: Challenge): URL {
  const { realm } = challenge.parameters;
  const url = realm !== undefined && URL.canParse(realm) ? new URL(realm) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) {
    throw new GantryError('registry_response_invalid', `${registry.host} names no usable token service`, {
      expected: 'realm="https://…"',
      found: realm,
    });
  }
  // Credentials are about to be sent there: never in the clear because a registry said so, and never to a loopback
  // service of this machine, such as Lambda's runtime API.
  if (url.protocol === 'http:' && registry.protocol === 'https:') {
    throw new GantryError('registry_response_invalid', `${registry.host} names a token service without https`, {
      expected: 'https',
      found: url.origin,
    });
  }
  return url;
}

function basicHeader({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
