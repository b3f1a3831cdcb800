import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { GantryError } from '../error.ts';
import { limits } from '../limits.ts';

/** IPv4 that is not of the public internet (IANA special-purpose registry): private, loopback, link-local, metadata… */
const special4 = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  special4.addSubnet(network, prefix, 'ipv4');
}

/** Global unicast is all of IPv6 that is public, but for what wraps IPv4 (6to4, Teredo) and documentation. */
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
const special6 = new BlockList();
for (const [network, prefix] of [
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
] as const) {
  special6.addSubnet(network, prefix, 'ipv6');
}

/** Whether an IP address is of the public internet. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !special4.check(address, 'ipv4');
  return isIP(address) === 6 && global6.check(address, 'ipv6') && !special6.check(address, 'ipv6');
}

/**
 * A dispatcher whose connections reach public addresses only, whatever a name resolves to at that moment, and whatever a
 * registry redirects to or names as its token service (product.md, section 11: outgoing fetches).
 * @param allowedHosts host names or addresses, without port, that may be private all the same
 */
export function guardedDispatcher(allowedHosts: readonly string[]): Dispatcher {
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()));
  const timeout = limits.registryFirstByteMs;
  const open = buildConnector({ timeout });
  const guarded = buildConnector({ timeout, lookup: publicLookup });
  return new Agent({
    keepAliveTimeout: 4_000,
    connect(options, callback) {
      const { hostname } = options;
      if (allowed.has(hostname.toLowerCase())) return open(options, callback);
      // An address is never looked up, so it is judged here.
      if (isIP(hostname) !== 0 && !isPublicAddress(hostname)) return callback(refused(hostname, hostname), null);
      return guarded(options, callback);
    },
  });
}

/** Resolves a name and refuses it when any of its addresses is not public: the connection goes to what was judged. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 0);
    const inside = addresses.find(({ address }) => !isPublicAddress(address));
    if (inside) return callback(refused(hostname, inside.address), '', 0);
    const [first] = addresses;
    if (options.all) return callback(null, addresses);
    return callback(null, first?.address ?? '', first?.family ?? 0);
  });
};

function refused(host: string, address: string): GantryError {
  const where = host === address ? address : `${host}, which is ${address}`;
  return new GantryError(
    'address_refused',
    `expected a host of the public internet, found ${where}; an operator can allow-list it`,
    { found: host },
  );
}
