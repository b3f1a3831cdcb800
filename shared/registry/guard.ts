import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import {
  type AllowList,
  isLoopbackAddress,
  isPublicAddress,
  parseAllowList,
} from '../domain/registries/index.ts';

/** Resolves a name to all of its addresses, like `lookup` of node:dns. */
export type Resolve = (
  hostname: string,
  options: { all: true },
  callback: (
    error: NodeJS.ErrnoException | null,
    addresses: { address: string; family: number }[],
  ) => void,
) => void;

interface Target {
  hostname: string;
  protocol: string;
  /** Empty for the default port of the protocol. */
  port: string;
}

/**
 * Creates a dispatcher that connects only to public addresses over https. It also checks redirects
 * and token services that a registry names (product.md, section 11: outgoing fetches). A connection
 * uses the addresses that were checked: the name is not resolved again, which prevents DNS
 * rebinding.
 * @param allowed names, addresses and networks of hosts that may be private ({@link
 * parseAllowList})
 * @param ca certificates (PEM) of authorities to trust besides the public ones
 * @throws GantryError `address_refused` from the requests that it dispatches
 */
export function guardedDispatcher(
  allowed: readonly string[],
  { resolve = lookup, ca = null }: { resolve?: Resolve; ca?: string | null } = {},
): Dispatcher {
  const allowList = parseAllowList(allowed);
  const timeout = limits.registryFirstByteMs;
  const trust = ca === null ? {} : { ca: [...getCACertificates('default'), ca] };
  const connectors = {
    'https:': buildConnector({
      timeout,
      lookup: guardLookup(resolve, 'https:', allowList),
      ...trust,
    }),
    'http:': buildConnector({ timeout, lookup: guardLookup(resolve, 'http:', allowList) }),
  };

  return new Agent({
    keepAliveTimeout: 4_000,
    connect(options, callback) {
      const { hostname, protocol } = options;
      // A literal address is never looked up, so it is checked here.
      const reason =
        findPortRefusal(options, allowList) ??
        (isIP(hostname) === 0 ? null : findRefusal(options, hostname, allowList));
      if (reason !== null) return callback(addressRefusedError(hostname, reason), null);

      return connectors[protocol === 'https:' ? 'https:' : 'http:'](options, callback);
    },
  });
}

/** Returns a lookup that resolves a name and refuses it if any of its addresses is refused. */
function guardLookup(resolve: Resolve, protocol: string, allowList: AllowList): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);

      for (const { address } of addresses) {
        const reason = findRefusal({ hostname, protocol }, address, allowList);
        if (reason !== null) return callback(addressRefusedError(hostname, reason), '', 0);
      }

      const [first] = addresses;
      if (options.all) return callback(null, addresses);

      return callback(null, first?.address ?? '', first?.family ?? 0);
    });
  };
}

/** Returns why Gantry must not connect to a host at an address, or null when it may. */
function findRefusal(
  target: Omit<Target, 'port'>,
  address: string,
  allowList: AllowList,
): string | null {
  const { hostname, protocol } = target;
  const at = hostname === address ? '' : ` at ${address}`;
  if (!isPublicAddress(address) && !allowList.permits(hostname, address)) {
    return `expected a host of the public internet, found ${hostname}${at}; an operator can allow-list it`;
  }

  // An allow-listed host needs https as well: credentials must not travel in the clear, even on a
  // private network.
  if (protocol !== 'https:' && !isLoopbackAddress(address))
    return `expected https to ${hostname}, found ${protocol}//`;
  return null;
}

/**
 * Refuses ports below 1024: they belong to other services, which could read a request as one of
 * their commands.
 */
function findPortRefusal({ hostname, port }: Target, allowList: AllowList): string | null {
  if (port === '' || port === '443' || Number(port) >= 1024 || allowList.lists(hostname))
    return null;
  return `expected port 443 or one from 1024 of ${hostname}, found ${port}; an operator can allow-list the host`;
}

function addressRefusedError(host: string, message: string): GantryError {
  return new GantryError('address_refused', message, { found: host });
}
