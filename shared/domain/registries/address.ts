import { BlockList, isIP } from 'node:net';

/**
 * `address/prefix`, as IANA's special-purpose registries have them (RFC 6890 and what updates it).
 */
type Network = readonly [address: string, prefix: number];

/** IPv4 networks that are not part of the public internet. */
const special4: readonly Network[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

/**
 * Global unicast. The rest of IPv6 is not public: loopback, ULA, link-local and multicast, and the
 * networks that wrap an IPv4 address (::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48), by which
 * 127.0.0.1 would have another name.
 */
const global6: readonly Network[] = [['2000::', 3]];

/** Special networks within it: IETF's own (with Teredo and benchmarks), documentation and 6to4. */
const special6: readonly Network[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

/** Networks of an organisation's own hosts, except the ULA at which AWS serves metadata. */
const privateUse: readonly Network[] = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['fc00::', 7],
];
const metadata6: readonly Network[] = [['fd00:ec2::', 32]];

const loopback: readonly Network[] = [
  ['127.0.0.0', 8],
  ['::1', 128],
];

const isSpecial4 = within(special4);
const isGlobal6 = within(global6);
const isSpecial6 = within(special6);
const isPrivateUse = within(privateUse);
const isMetadata6 = within(metadata6);
const isLoopback = within(loopback);

/** Whether an IP address is public. An address with a zone is not: zones are for links. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !isSpecial4(address);
  return isGlobal6(address) && !isSpecial6(address);
}

/** Whether an IP address means the machine itself. */
export function isLoopbackAddress(address: string): boolean {
  return isLoopback(address);
}

/** Whether a name can mean this machine only (RFC 6761, §6.3). */
export function isLoopbackName(name: string): boolean {
  return /^(?:.+\.)?localhost\.?$/i.test(name);
}

/** Which hosts outgoing requests may reach although their addresses are not public. */
export interface AllowList {
  /** Whether a host, a name or an address without port, is listed. */
  lists(host: string): boolean;
  /** Whether a host may be reached at an address to which it resolved. */
  permits(host: string, address: string): boolean;
}

/**
 * Reads an allow-list. An address or a network (CIDR) permits just that. A name permits the
 * networks of private use, and `localhost` permits the loopback: otherwise the owner of a name
 * could point it at metadata or at the machine itself.
 * @throws RangeError naming the entry that is neither
 */
export function parseAllowList(entries: readonly string[]): AllowList {
  const names = new Set<string>();
  const networks: Network[] = [];

  for (const entry of entries) {
    const network = parseNetwork(entry);
    if (network) networks.push(network);
    else if (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(entry) && !/^[0-9.]+$/.test(entry))
      names.add(canonical(entry));
    else
      throw new RangeError(
        `expected a host name, an address or a network such as 10.1.0.0/16, found "${entry}"`,
      );
  }

  const isListed = within(networks);
  const reaches = (name: string, address: string): boolean =>
    (isPrivateUse(address) && !isMetadata6(address)) ||
    (isLoopbackName(name) && isLoopback(address));

  return {
    lists: (host) => names.has(canonical(host)) || isListed(host),
    permits: (host, address) =>
      isListed(address) || (names.has(canonical(host)) && reaches(host, address)),
  };
}

function parseNetwork(text: string): Network | null {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || address.includes('%') || rest.length > 0) return null;

  const bits = family === 4 ? 32 : 128;
  if (prefix === undefined) return [address, bits];

  return /^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= bits ? [address, Number(prefix)] : null;
}

/** Names are compared without case and without the trailing dot of a complete name. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/**
 * Tests whether an address lies in a network of its own family. Wrapped IPv4 does not count as
 * IPv4.
 */
function within(networks: readonly Network[]): (address: string) => boolean {
  const lists = { 4: new BlockList(), 6: new BlockList() };
  for (const [address, prefix] of networks) {
    const family = isIP(address) === 4 ? 4 : 6;
    lists[family].addSubnet(address, prefix, `ipv${family}`);
  }

  return (address) => {
    const family = isIP(address);
    if (family === 4) return lists[4].check(address, 'ipv4');
    return family === 6 && !address.includes('%') && lists[6].check(address, 'ipv6');
  };
}
