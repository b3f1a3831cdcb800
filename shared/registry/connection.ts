import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { isLoopbackHost } from '../domain/registries/index.ts';
import {
  Authorizer,
  type Credentials,
  createRegistryMemory,
  type RegistryMemory,
  type Scope,
} from './auth.ts';
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
  /** Use http instead of https. The default is true for loopback hosts alone. */
  plainHttp?: boolean | undefined;
  credentials?: Credentials | null;
  /** Clients of one host with the same credentials can share it. */
  memory?: RegistryMemory;
}

/** Sends authorized requests to one registry. The callers interpret the responses. */
export class RegistryConnection {
  readonly host: string;
  readonly base: URL;
  readonly memory: RegistryMemory;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  #first: Promise<unknown> | null = null;

  constructor(options: RegistryClientOptions) {
    this.host = options.host;
    // The API of Docker Hub has another host name than its references.
    const host = options.host === 'docker.io' ? 'registry-1.docker.io' : options.host;

    this.base = new URL(
      `${(options.plainHttp ?? isLoopbackHost(host)) ? 'http' : 'https'}://${host}/`,
    );
    this.#transport = new Transport(options);
    this.memory = options.memory ?? createRegistryMemory();
    this.#authorizer = new Authorizer(options.credentials ?? null, this.#transport, this.memory);
  }

  /** Builds a URL in a repository, e.g. `url('a/b', 'tags/list')`. */
  url(repository: string, path: string): URL {
    return new URL(`/v2/${repository}/${path}`, this.base);
  }

  /**
   * Sends a request of a scope. After a challenge it sends it once more, with credentials or a new
   * token. The first request goes alone, so that several concurrent ones are not all refused.
   * @param request a function, so that a body can be streamed again after a challenge
   */
  async send(
    scope: Scope,
    request: () => Omit<HttpRequest, 'authorization'>,
  ): Promise<HttpResponse> {
    const first = request();
    // An upload may go to another host, to a URL that carries its own permission.
    if (first.url.origin !== this.base.origin) return this.#transport.send(first);
    if (this.#authorizer.knowsDemand) return this.#sendAuthorized(scope, first, request);

    if (this.#first === null) {
      const answer = this.#sendAuthorized(scope, first, request);
      this.#first = answer;
      return answer;
    }

    await this.#first.catch(() => undefined);
    return this.#sendAuthorized(scope, first, request);
  }

  async #sendAuthorized(
    scope: Scope,
    first: Omit<HttpRequest, 'authorization'>,
    request: () => Omit<HttpRequest, 'authorization'>,
  ): Promise<HttpResponse> {
    const used = await this.#authorizer.header(this.base, scope);
    const answer = await this.#transport.send({ ...first, authorization: used });
    if (answer.status !== 401 || answer.url.origin !== this.base.origin) {
      this.#authorizer.noteUnchallenged();
      return answer;
    }

    const challenge = answer.headers['www-authenticate'];
    const text = Array.isArray(challenge) ? challenge.join(', ') : challenge;
    if (!this.#authorizer.learn(text, scope, used)) return answer;

    await discard(answer);
    return this.#transport.send({
      ...request(),
      authorization: await this.#authorizer.header(this.base, scope),
    });
  }

  /** Reads a whole small response. */
  read(answer: HttpResponse, bytesMax: number = limits.manifestBytesMax): Promise<Uint8Array> {
    return this.#transport.read(answer, bytesMax);
  }
}

/**
 * Reads the next page from the `Link` headers of a page (RFC 8288). Only its query counts. Proxies
 * lose ports and schemes in links, Artifactory drops a part of the path, and Nexus names an
 * internal one. Besides, a page must not lead to another host or repository.
 * @throws GantryError `registry_response_invalid` for a link that is not a URL
 */
export function nextPage(current: URL, answer: Pick<HttpResponse, 'headers'>): URL | null {
  const target = findNextLink([answer.headers.link ?? []].flat().join(', '));
  if (target === null) return null;

  if (!URL.canParse(target, current.href)) {
    throw new GantryError(
      'registry_response_invalid',
      `expected ${current.host} to name the next page by a URL, found ${JSON.stringify(target.slice(0, 200))}`,
      { found: target },
    );
  }

  const next = new URL(current);
  next.search = new URL(target, current).search;
  return next.href === current.href ? null : next;
}

const link = /<([^>]*)>((?:\s*;\s*[^\s;,=]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]*))?)*)/g;
const nextRelation = /;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next)\s*(?:;|$)/i;

function findNextLink(header: string): string | null {
  const found = [...header.matchAll(link)].find(([, , parameters = '']) =>
    nextRelation.test(parameters),
  );
  return found?.[1] ?? null;
}
