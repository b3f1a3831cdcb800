import { BlockList, isIP } from 'node:net';
import { GantryError } from '../../shared/base/error.ts';
import { isLoopbackAddress, isLoopbackName } from '../../shared/domain/registries/index.ts';

/** Returns the URL of the proxy for a request, or null for a direct connection. */
export type FindProxy = (url: URL) => string | null;

/** Whether a host is reached without a proxy. */
type IsExempt = (hostname: string, port: number) => boolean;

/**
 * Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY in capitals or small letters, as curl and docker do.
 * Small letters win. Returns null if no proxy is named.
 * @throws GantryError `usage` for a proxy that is not a URL
 */
export function readProxies(env: NodeJS.ProcessEnv): FindProxy | null {
  const http = readProxy(env, 'http_proxy');
  const https = readProxy(env, 'https_proxy');
  if (http === null && https === null) return null;

  const isExempt = parseNoProxy(env.no_proxy ?? env.NO_PROXY);
  return (url) => {
    const isSecure = url.protocol === 'https:';
    const proxy = isSecure ? https : http;
    const port = Number(url.port) || (isSecure ? 443 : 80);

    return proxy === null || isExempt(bareHost(url.hostname), port) ? null : proxy;
  };
}

/** The error shows no part of the value, which may hold a password. */
function readProxy(env: NodeJS.ProcessEnv, name: string): string | null {
  const upper = name.toUpperCase();
  const value = (env[name] ?? env[upper] ?? '').trim();
  if (value === '') return null;

  const url = /^[a-z0-9]+:\/\//i.test(value) ? value : `http://${value}`;
  const known = URL.canParse(url) && /^(?:https?|socks5h?):$/.test(new URL(url).protocol);
  // The proxy always resolves the names, which is what curl's socks5h says.
  if (known) return url.replace(/^socks5h:/i, 'socks5:');

  throw new GantryError(
    'usage',
    `expected the URL of a proxy in ${upper}, such as http://proxy.example.com:3128, found another text`,
  );
}

/**
 * Parses NO_PROXY: names with their subdomains, names for subdomains alone that begin with `.` or
 * `*.`, addresses, networks, or `*` for every host. Names and addresses may have a port. Loopback
 * hosts are exempt, as for docker, unless the variable is set and empty: then nothing is.
 */
function parseNoProxy(list: string | undefined): IsExempt {
  if (list?.trim() === '') return () => false;

  const entries = (list ?? '').split(/[,\s]+/).flatMap((entry) => parseEntry(entry.toLowerCase()));
  return (hostname, port) =>
    isLoopbackName(hostname) ||
    isLoopbackAddress(hostname) ||
    entries.some((matches) => matches(hostname, port));
}

function parseEntry(entry: string): IsExempt[] {
  if (entry === '') return [];
  if (entry === '*') return [() => true];

  const network = parseNetwork(entry);
  if (network !== null) return [network];

  const [, host = '', port] = /^(\[.*\]|[^:]*|.*:.*:.*?)(?::([0-9]+))?$/.exec(entry) ?? [];
  const isOfPort = (wanted: number) => port === undefined || Number(port) === wanted;

  const name = bareHost(host).replace(/^\*/, '');
  if (name.startsWith('.')) return [(hostname, at) => hostname.endsWith(name) && isOfPort(at)];
  return [(hostname, at) => (hostname === name || hostname.endsWith(`.${name}`)) && isOfPort(at)];
}

/** Parses `10.0.0.0/8`. Returns null for another entry. */
function parseNetwork(entry: string): IsExempt | null {
  const [address = '', prefix = ''] = entry.split('/', 2);
  const family = isIP(address);
  const bits = family === 6 ? 128 : 32;
  if (family === 0 || !/^[0-9]{1,3}$/.test(prefix) || Number(prefix) > bits) return null;

  const networks = new BlockList();
  networks.addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
  return (hostname) => {
    const found = isIP(hostname);
    return found !== 0 && networks.check(hostname, found === 6 ? 'ipv6' : 'ipv4');
  };
}

/** Without the brackets of an IPv6 address and the dot that ends a full name. */
function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '').replace(/(.)\.$/, '$1');
}
