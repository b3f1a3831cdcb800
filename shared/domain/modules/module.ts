import { isDeepStrictEqual } from 'node:util';
import { byName, type FilterTests, matchesName } from '../../base/filters.ts';
import { sha256Hex } from '../../base/ids.ts';
import { compareBytes } from '../files/index.ts';
import type {
  AttestationRequirement,
  SignaturePolicy,
  SignerIdentity,
} from '../signatures/index.ts';

export const varieties = ['subscription', 'config', 'instance'] as const;
export type Variety = (typeof varieties)[number];

/**
 * Categories that every account starts with (product.md, section 1); `position` is the base of
 * layer priority.
 */
export const seededCategories = [
  { slug: 'system-base', position: 10 },
  { slug: 'security-hardening', position: 30 },
  { slug: 'network-overlay', position: 60 },
  { slug: 'container-runtimes', position: 70 },
  { slug: 'userland', position: 90 },
] as const;

/** Added to the category's position to give a layer's priority (product.md, section 7). */
export const varietyOffset: Record<Variety, number> = { subscription: 0, config: 2, instance: 4 };

/** The registration row of a module: the settings that the platform decides, not the manifest. */
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
  /** Whether tags of digits alone are commit hashes; no unless stated. */
  digit_commits?: boolean;
  /**
   * Patterns, as they stand in a `protected_spec` of the module, that protect what they match
   * whether the module ships it or not (product.md, section 7). Sorted, none twice.
   */
  granted_reservations: string[];
  /** `policyVersion` of the row, which identifies the policy of a verdict. */
  policy_version: string;
  /** The one live version, null before the first. */
  live_version_id: string | null;
  /** True once a version was ingested. A module that never had one can be deleted. */
  has_versions: boolean;
  /** An archived module is not polled and cannot be assigned. Its versions stay. */
  archived: boolean;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  created_at: string;
  updated_at: string;
}

/** Fields of a registration that decide which artifacts get in. */
export const trustFields = [
  'repository',
  'identities',
  'trusted_keys',
  'trusted_root',
  'require_tlog',
  'required_attestations',
  'allow_devices',
] as const;
export type TrustPolicy = Pick<Module, (typeof trustFields)[number]>;

/** Fields of a registration that affect the composition of templates. */
export const compositionFields = ['visibility', 'category', 'platforms'] as const;

/** The changeable fields of a registration. Name, variety and parent never change. */
export type ModuleChanges = Partial<
  TrustPolicy & Pick<Module, (typeof compositionFields)[number] | 'archived' | 'digit_commits'>
>;

/** Names a trust policy: the SHA-256 of every field that decides whether an artifact gets in. */
export function policyVersion(policy: TrustPolicy): string {
  return sha256Hex(JSON.stringify(trustFields.map((field) => policy[field])));
}

/**
 * True if the next policy could accept an artifact that the previous one refused. Removing signers
 * or adding demands cannot. Trust roots and repositories cannot be compared, so any change of them
 * counts. But nothing came yet from the repository of a module without versions: a mistyped one is
 * corrected without a reviewer.
 */
export function loosensTrust(
  was: TrustPolicy & Pick<Module, 'has_versions'>,
  next: TrustPolicy,
): boolean {
  const adds = <T>(before: readonly T[], after: readonly T[]) =>
    after.some((one) => !before.some((other) => isDeepStrictEqual(one, other)));
  return (
    adds(was.identities, next.identities) ||
    adds(was.trusted_keys, next.trusted_keys) ||
    adds(next.required_attestations, was.required_attestations) ||
    (was.require_tlog && !next.require_tlog) ||
    (!was.allow_devices && next.allow_devices) ||
    (was.has_versions && was.repository !== next.repository) ||
    !isDeepStrictEqual(was.trusted_root, next.trusted_root)
  );
}

/**
 * Returns a registration with changes made. If its trust policy changes, its `policyVersion`
 * changes too.
 */
export function withModuleChanges(module: Module, set: ModuleChanges): Module {
  const next = { ...module, ...set };
  const same = trustFields.every((field) => isDeepStrictEqual(module[field], next[field]));
  return same ? next : { ...next, policy_version: policyVersion(next) };
}

/**
 * True if a row's signatures are verified by the public-good trust root. Keys alone need no trust
 * root.
 */
export function needsPublicRoot(
  module: Pick<Module, 'identities' | 'trusted_root' | 'require_tlog'>,
): boolean {
  return module.trusted_root === null && (module.identities.length > 0 || module.require_tlog);
}

/**
 * The signature policy that a module's row states.
 * @param publicRoot the public-good `trusted_root.json`, for a row without one of its own
 */
export function signaturePolicy(
  module: Pick<
    Module,
    'identities' | 'trusted_keys' | 'trusted_root' | 'require_tlog' | 'required_attestations'
  >,
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

/**
 * Returns a module with reservations granted and revoked. Granting an existing one, or revoking a
 * missing one, changes nothing.
 */
export function withReservations(
  module: Module,
  change: { grant: readonly string[]; revoke: readonly string[] },
): Module {
  const granted = new Set([...module.granted_reservations, ...change.grant]);
  for (const pattern of change.revoke) granted.delete(pattern);
  return { ...module, granted_reservations: [...granted].sort(compareBytes) };
}

export const moduleFilters = {
  name: byName,
  category: { kind: 'text', about: 'category' },
  variety: { kind: 'choice', choices: varieties, about: 'variety' },
  visibility: { kind: 'choice', choices: ['private', 'public'], about: 'visibility' },
  archived: { kind: 'flag', about: 'list the archived modules instead of the others' },
} as const;

export const moduleTests: FilterTests<Module, typeof moduleFilters> = {
  name: (row, name) => matchesName(name, row.name),
  category: (row, category) => row.category === category,
  variety: (row, variety) => row.variety === variety,
  visibility: (row, visibility) => row.visibility === visibility,
  archived: (row, archived) => row.archived === archived,
};
