import { Agent, Dispatcher, ProxyAgent, setGlobalDispatcher } from 'undici';
import { limits } from '../../shared/base/limits/index.ts';
import type { TlsIdentity } from './certificates.ts';
import { type FindProxy, readProxies } from './proxies.ts';

export interface Routes {
  findProxy: FindProxy | null;
  /** What TLS uses at a host with its port; nothing special by default. */
  identify?: (host: string) => TlsIdentity;
}

/** Sends the requests to each origin by its proxy or directly, with its certificates. */
class RoutedDispatcher extends Dispatcher {
  readonly #routes: Routes;
  readonly #origins = new Map<string, Dispatcher>();

  constructor(routes: Routes) {
    super();
    this.#routes = routes;
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const origin = String(options.origin);
    const open = this.#origins.get(origin) ?? this.#open(new URL(origin));
    this.#origins.set(origin, open);
    return open.dispatch(options, handler);
  }

  override async close(): Promise<void> {
    await Promise.all(this.#origins.values().map((open) => open.close()));
  }

  override async destroy(): Promise<void> {
    await Promise.all(this.#origins.values().map((open) => open.destroy()));
  }

  #open(url: URL): Dispatcher {
    const proxy = this.#routes.findProxy?.(url) ?? null;
    const tls = url.protocol === 'https:' ? (this.#routes.identify?.(url.host) ?? {}) : {};
    const timeout = limits.registryFirstByteMs;

    if (proxy === null) return new Agent({ connect: { timeout, ...tls }, keepAliveTimeout: 4_000 });
    return new ProxyAgent({
      uri: proxy,
      connectTimeout: timeout,
      requestTls: tls,
      keepAliveTimeout: 4_000,
    });
  }
}

/** Makes a dispatcher that follows the routes. It outlives no command, so nobody closes it. */
export function createDispatcher(routes: Routes): Dispatcher {
  return new RoutedDispatcher(routes);
}

/**
 * Lets every `fetch` of this process use the proxies that the environment names.
 * @throws GantryError `usage`
 */
export function useProxies(env: NodeJS.ProcessEnv = process.env): void {
  const findProxy = readProxies(env);
  if (findProxy !== null) setGlobalDispatcher(createDispatcher({ findProxy }));
}
