import { LRUCache } from 'lru-cache';
import { type GantryError, isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import {
  guardedDispatcher,
  parseReference,
  type Reference,
  RegistryClient,
  Transport,
} from '../../registry/index.ts';
import type { Services } from '../context/index.ts';
import { withinShare } from './account-slots.ts';
import { forgetCredentials, registryCredentials } from './credentials.ts';
import { type Pace, type Purpose, withinBudget } from './host-budget.ts';

/**
 * How many seconds a registry asked to wait (`Retry-After`), up to a limit; 0 when it did not ask.
 */
export function retryAfterSeconds(error: GantryError): number {
  const { retry_after_s = 0 } = (error.details ?? {}) as { retry_after_s?: number };
  return Math.min(retry_after_s, limits.pollFailureMaxSeconds);
}

/**
 * The dispatchers of this process, by allow-list and authority, so that connections are used again.
 * A deployment has one list. A connection that one account's authority made trusted serves no other
 * account.
 */
const dispatchers = new LRUCache<string, ReturnType<typeof guardedDispatcher>>({
  max: limits.keptDispatchersMax,
});

function dispatcherFor(
  allowedHosts: string[],
  ca: string | null = null,
): ReturnType<typeof guardedDispatcher> {
  const key = JSON.stringify([allowedHosts, ca]);
  const dispatcher = dispatchers.get(key) ?? guardedDispatcher(allowedHosts, { ca });
  dispatchers.set(key, dispatcher);
  return dispatcher;
}

/** The arguments of work at a module's repository. */
export interface RegistrySession {
  client: RegistryClient;
  reference: Reference;
  pace: Pace;
}

/**
 * Works at a module's repository within its account's share of the stage and the budget of its
 * host, with the account's credentials and authority for that host, if it has any.
 * @throws BudgetSpent when the account or the host has no room now; GantryError of the work
 */
export async function withRegistry<T>(
  services: Services,
  { account, repository, purpose }: { account: string; repository: string; purpose: Purpose },
  work: (session: RegistrySession) => Promise<T>,
): Promise<T> {
  const reference = parseReference(repository);
  const { host } = reference;

  const stored = await registryCredentials(services, account, host);
  const { value: credentials, ca, owner, memory } = stored;

  const run = async (pace: Pace): Promise<T> => {
    const dispatcher = dispatcherFor(services.settings.allowedPrivateHosts, ca);
    const { beforeRequest, onRequest, signal } = pace;

    const client = new RegistryClient({
      host,
      // An authority is for https, also on loopback.
      plainHttp: ca === null ? undefined : false,
      dispatcher,
      credentials,
      memory,
      beforeRequest,
      onRequest,
      signal,
    });

    try {
      return await work({ client, reference, pace });
    } catch (error) {
      // An operator may have stored other credentials, or the authority of its certificate.
      if (isGantryError(error, 'registry_unauthorized', 'registry_unreachable'))
        forgetCredentials(services, account, host);
      throw error;
    }
  };

  const requester = { host, account, credentials: owner };
  return withinShare(services, { account, purpose }, () =>
    withinBudget(services, requester, purpose, run),
  );
}

/**
 * Makes a function that downloads documents of other hosts, through the same guard and with the
 * same errors.
 */
export function guardedDownload(services: Services) {
  const dispatcher = dispatcherFor(services.settings.allowedPrivateHosts);
  const transport = new Transport({ dispatcher, signal: AbortSignal.timeout(limits.downloadsMs) });
  return async (url: URL, bytesMax: number): Promise<{ status: number; bytes: Uint8Array }> => {
    const answer = await transport.send({ method: 'GET', url });
    return { status: answer.status, bytes: await transport.read(answer, bytesMax) };
  };
}
