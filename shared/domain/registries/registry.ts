import { isLoopbackAddress, isLoopbackName } from './address.ts';

/** What an account keeps about the registries that its modules are in. */

/** That an operator stored credentials for a registry; they themselves are in a secret, which nobody reads back. */
export interface RegistryLogin {
  account: string;
  /** As `canonicalHost` writes it. */
  host: string;
  username: string;
  stored_by: string;
  stored_at: string;
}

/** Products whose webhooks are understood; `distribution` stands for registries with its notifications. */
export const hookKinds = ['distribution', 'harbor', 'gitea', 'github'] as const;
export type HookKind = (typeof hookKinds)[number];

/** A door by which one registry tells of pushes; its secret is in Secrets Manager. */
export interface RegistryHook {
  account: string;
  id: string;
  kind: HookKind;
  /** The registry, as the account's modules name it: what is told is about repositories there and nowhere else. */
  host: string;
  created_by: string;
  created_at: string;
}

const hostPattern = /^(?:\[[0-9a-f:]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::([0-9]{1,5}))?$/i;

/** Names that Docker Hub's registry goes by; references carry the first. */
const dockerHub = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/**
 * The one way to write a registry's host, by which its budget, credentials and webhooks are found: as URLs write it, in lower
 * case, without a port that is its protocol's; one name for Docker Hub. Null for what is no host with a dot or a port, nor
 * localhost.
 */
export function canonicalHost(text: string): string | null {
  const match = hostPattern.exec(text);
  if (
    match === null ||
    match[1]?.match(/^0*$/) ||
    !(/[.:]/.test(text) || /^localhost$/i.test(text))
  )
    return null;
  // Also of the right letters, it may be an address that there is not, as 1.2.3.999.
  if (!URL.canParse(`https://${text}`)) return null;
  const url = new URL(`https://${text}`);
  const host = isLoopbackHost(url.hostname) ? new URL(`http://${text}`).host : url.host;
  return dockerHub.includes(host) ? 'docker.io' : host;
}

/** True for hosts that reach this machine only: those are spoken to over plain http. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
  return isLoopbackName(name) || isLoopbackAddress(name);
}
