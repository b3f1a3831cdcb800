import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { isLoopbackHost } from '../domain/registries/index.ts';
import { type AuthMemory, Authorizer, type Credentials, type Scope } from './auth.ts';
import {
  discard,
  type HttpRequest,
  type HttpResponse,
  Transport,
  type TransportOptions,
} from './transport.ts';

export interface RegistryClientOptions extends TransportOptions {
  /** Host with port, e.g. `ghcr.io`, `127.0.0.1:5000`. */
  host: string;
  /** Speak http. Loopback hosts are spoken to over http anyway. */
  plainHttp?: boolean;
  credentials?: Credentials | null;
  /** Shared by clients of one host and the same credentials. */
  memory?: AuthMemory;
}

/** Authorised requests to one registry; what they mean is the callers' affair. */
export class RegistryConnection {
  readonly host: string;
  readonly base: URL;
  private readonly transport: Transport;
  private readonly authorizer: Authorizer;

  constructor(options: RegistryClientOptions) {
    this.host = options.host;
    // Docker Hub's API does not live under the name that its references carry.
    const host = options.host === 'docker.io' ? 'registry-1.docker.io' : options.host;
    this.base = new URL(
      `${options.plainHttp || isLoopbackHost(host) ? 'http' : 'https'}://${host}/`,
    );
    this.transport = new Transport(options);
    this.authorizer = new Authorizer(options.credentials ?? null, this.transport, options.memory);
  }

  /** The address of something in a repository, e.g. `url('a/b', 'tags/list')`. */
  url(repository: string, path: string): URL {
    return new URL(`/v2/${repository}/${path}`, this.base);
  }

  /**
   * Sends a request of a scope, answering one challenge with credentials or a fresh token.
   * @param request a function, so that a body can be streamed again after a challenge
   */
  async send(
    scope: Scope,
    request: () => Omit<HttpRequest, 'authorization'>,
  ): Promise<HttpResponse> {
    const first = request();
    // An upload may go to another host, with an address that carries its own permission.
    if (first.url.origin !== this.base.origin) return this.transport.send(first);
    const used = await this.authorizer.header(this.base, scope);
    const answer = await this.transport.send({ ...first, authorization: used });
    if (answer.status !== 401 || answer.url.origin !== this.base.origin) return answer;
    const challenge = answer.headers['www-authenticate'];
    const text = Array.isArray(challenge) ? challenge.join(', ') : challenge;
    if (!this.authorizer.learn(text, scope, used)) return answer;
    await discard(answer);
    return this.transport.send({
      ...request(),
      authorization: await this.authorizer.header(this.base, scope),
    });
  }

  /** Reads a small answer whole. */
  read(answer: HttpResponse, bytesMax: number = limits.manifestBytesMax): Promise<Uint8Array> {
    return this.transport.read(answer, bytesMax);
  }
}

/**
 * The next page that a `Link` header names (RFC 8288), on the registry that was asked: proxies lose ports and schemes in
 * absolute links, and another host is none of a page's business.
 */
export function nextPage(current: URL, link: string | undefined): URL | null {
  const match = /<([^>]*)>\s*;[^,]*\brel\s*=\s*"?next"?/i.exec(link ?? '');
  const target = match?.[1];
  if (target === undefined) return null;
  if (!URL.canParse(target, current.href)) {
    throw new GantryError(
      'registry_response_invalid',
      `${current.host} names a next page that is no address`,
      {
        found: target,
      },
    );
  }
  const parsed = new URL(target, current);
  const next = new URL(current);
  next.pathname = parsed.pathname;
  next.search = parsed.search;
  return next.href === current.href ? null : next;
}
