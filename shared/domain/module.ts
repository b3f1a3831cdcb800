import type { AttestationRequirement, SignaturePolicy, SignerIdentity } from './signature.ts';
import { compareBytes } from './tree.ts';

export const varieties = ['subscription', 'config', 'instance'] as const;
export type Variety = (typeof varieties)[number];

/** Categories that every account starts with (product.md, section 1); `position` is the base of layer priority. */
export const seededCategories = [
  { slug: 'system-base', position: 10 },
  { slug: 'security-hardening', position: 30 },
  { slug: 'network-overlay', position: 60 },
  { slug: 'container-runtimes', position: 70 },
  { slug: 'userland', position: 90 },
] as const;

/** Added to the category's position to give a layer's priority (product.md, section 7). */
export const varietyOffset: Record<Variety, number> = { subscription: 0, config: 2, instance: 4 };

/** The registration row of a module: what the platform rules, not the manifest. */
export interface Module {
  account: string;
  name: string;
  /** `<name>-<8 hex>`, for people. */
  id: string;
  visibility: 'private' | 'public';
  category: string;
  variety: Variety;
  parent_module: string | null;
  /** OCI reference without tag: `host[:port]/path`. */
  repository: string;
  identities: SignerIdentity[];
  trusted_keys: string[];
  /** Sigstore `trusted_root.json` as parsed JSON, or null for the public-good instance. */
  trusted_root: unknown;
  require_tlog: boolean;
  /** Attestations demanded besides a signature. */
  required_attestations: AttestationRequirement[];
  platforms: string[];
  allow_devices: boolean;
  /**
   * Patterns, as they stand in a `protected_spec` of the module, that protect what they match whether the module ships it or
   * not (product.md, section 7). Sorted, none twice.
   */
  granted_reservations: string[];
  /** SHA-256 over the policy's fields: names the policy in cached verdicts. */
  policy_version: string;
  /** The one live version, null before the first. */
  live_version_id: string | null;
  created_at: string;
  updated_at: string;
}

/**
 * The signature policy that a module's row states.
 * @param publicRoot the public-good `trusted_root.json`, for a row without one of its own
 */
export function signaturePolicy(
  module: Pick<Module, 'identities' | 'trusted_keys' | 'trusted_root' | 'require_tlog' | 'required_attestations'>,
  publicRoot: unknown,
): SignaturePolicy {
  return {
    identities: module.identities,
    keys: module.trusted_keys,
    trusted_root: module.trusted_root ?? publicRoot,
    require_tlog: module.require_tlog,
    attestations: module.required_attestations,
  };
}

/** A module with reservations granted and revoked; granting one that it has, or revoking one that it lacks, changes nothing. */
export function withReservations(
  module: Module,
  change: { grant: readonly string[]; revoke: readonly string[] },
): Module {
  const granted = new Set([...module.granted_reservations, ...change.grant]);
  for (const pattern of change.revoke) granted.delete(pattern);
  return { ...module, granted_reservations: [...granted].sort(compareBytes) };
}
