import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import {
  type AllowList,
  isLoopbackAddress,
  isPublicAddress,
  parseAllowList,
} from '../domain/registries/index.ts';

/** Resolves a name to all of its addresses; node:dns's `lookup` does. */
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
  /** Empty for the protocol's own. */
  port: string;
}

/**
 * A dispatcher whose connections reach public addresses only, over https, whatever a name resolves to at that moment, and
 * whatever a registry redirects to or names as its token service (product.md, section 11: outgoing fetches). A connection
 * goes to the addresses that were judged: the name is not resolved again (DNS rebinding).
 * @param allowed names, addresses and networks of hosts that may be private all the same ({@link parseAllowList})
 * @throws what it dispatches fails with GantryError `address_refused`
 */
export function guardedDispatcher(
  allowed: readonly string[],
  resolve: Resolve = lookup,
): Dispatcher {
  const allowList = parseAllowList(allowed);
  const timeout = limits.registryFirstByteMs;
  const connectors = {
    'https:': buildConnector({ timeout, lookup: judged(resolve, 'https:', allowList) }),
    'http:': buildConnector({ timeout, lookup: judged(resolve, 'http:', allowList) }),
  };
  return new Agent({
    keepAliveTimeout: 4_000,
    connect(options, callback) {
      const { hostname, protocol } = options;
      // An address is never looked up, so it is judged here.
      const reason =
        portRefusal(options, allowList) ??
        (isIP(hostname) === 0 ? null : refusal(options, hostname, allowList));
      if (reason !== null) return callback(refused(hostname, reason), null);
      return connectors[protocol === 'https:' ? 'https:' : 'http:'](options, callback);
    },
  });
}

/** Resolves a name and refuses it when any of its addresses is to be refused. */
function judged(resolve: Resolve, protocol: string, allowList: AllowList): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      for (const { address } of addresses) {
        const reason = refusal({ hostname, protocol }, address, allowList);
        if (reason !== null) return callback(refused(hostname, reason), '', 0);
      }
      const [first] = addresses;
      if (options.all) return callback(null, addresses);
      return callback(null, first?.address ?? '', first?.family ?? 0);
    });
  };
}

/** Why a host is not spoken to at an address, null when it may be. */
function refusal(
  target: Omit<Target, 'port'>,
  address: string,
  allowList: AllowList,
): string | null {
  const { hostname, protocol } = target;
  const at = hostname === address ? '' : ` at ${address}`;
  if (!isPublicAddress(address) && !allowList.permits(hostname, address)) {
    return `expected a host of the public internet, found ${hostname}${at}; an operator can allow-list it`;
  }
  // Also where it is allow-listed: a private network is no reason to send credentials in the clear.
  if (protocol !== 'https:' && !isLoopbackAddress(address))
    return `expected https to ${hostname}, found ${protocol}//`;
  return null;
}

/** Ports below 1024 belong to other services, to which a request of ours must not look like a command of theirs. */
function portRefusal({ hostname, port }: Target, allowList: AllowList): string | null {
  if (port === '' || port === '443' || Number(port) >= 1024 || allowList.lists(hostname))
    return null;
  return `expected port 443 or one from 1024 of ${hostname}, found ${port}; an operator can allow-list the host`;
}

function refused(host: string, message: string): GantryError {
  return new GantryError('address_refused', message, { found: host });
}
