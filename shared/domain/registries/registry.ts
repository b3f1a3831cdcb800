import { type FilterTests, matchesName } from '../../base/filters.ts';
import { isLoopbackAddress, isLoopbackName } from './address.ts';

/**
 * Says what an operator stored for a registry. The credentials are in a secret, which the API never
 * returns.
 */
export interface RegistryLogin {
  account: string;
  /** As `canonicalHost` writes it. */
  host: string;
  /** Null where no credentials are stored. */
  username: string | null;
  /** Certificates (PEM) of authorities that sign the registry's own; null for public ones alone. */
  ca: string | null;
  stored_by: string;
  stored_at: string;
}

/**
 * Products whose webhooks Gantry reads. `distribution` stands for every registry with its
 * notifications.
 */
export const hookKinds = ['distribution', 'harbor', 'gitea', 'github'] as const;
export type HookKind = (typeof hookKinds)[number];

/** A webhook: a URL at which one registry reports pushes. Its secret is in Secrets Manager. */
export interface RegistryHook {
  account: string;
  id: string;
  kind: HookKind;
  /**
   * The registry, as the account's modules name it. The webhook can report its repositories and no
   * others.
   */
  host: string;
  created_by: string;
  created_at: string;
}

const hostPattern = /^(?:\[[0-9a-f:]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::([0-9]{1,5}))?$/i;

/** Names that Docker Hub's registry goes by; references carry the first. */
const dockerHub = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/**
 * The one way to write a registry's host, by which its budget, credentials and webhooks are found:
 * as URLs write it, in lower case, without the default port of its protocol, and with one name for
 * Docker Hub. Null for a text that is neither a host with a dot or a port nor localhost.
 */
export function canonicalHost(text: string): string | null {
  const match = hostPattern.exec(text);
  if (
    match === null ||
    match[1]?.match(/^0*$/) ||
    !(/[.:]/.test(text) || /^localhost$/i.test(text))
  )
    return null;

  // The right letters may still make no address, such as 1.2.3.999.
  if (!URL.canParse(`https://${text}`)) return null;

  const url = new URL(`https://${text}`);
  const host = isLoopbackHost(url.hostname) ? new URL(`http://${text}`).host : url.host;
  return dockerHub.includes(host) ? 'docker.io' : host;
}

/** True for hosts that mean this machine only. Gantry uses plain http for them. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
  return isLoopbackName(name) || isLoopbackAddress(name);
}

const host = { kind: 'name', about: 'host; * stands for any text' } as const;

export const registryFilters = { host } as const;

export const registryTests: FilterTests<Pick<RegistryLogin, 'host'>, typeof registryFilters> = {
  host: (row, wanted) => matchesName(wanted, row.host),
};

export const hookFilters = {
  host,
  kind: { kind: 'choice', choices: hookKinds, about: 'kind' },
} as const;

export const hookTests: FilterTests<RegistryHook, typeof hookFilters> = {
  host: registryTests.host,
  kind: (row, kind) => row.kind === kind,
};
