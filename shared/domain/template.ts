import type { ErrorCode } from '../contract/error-codes.ts';

export const tracks = ['live', 'staging'] as const;
export type Track = (typeof tracks)[number];

export type Metadata = Record<string, string | number | boolean>;

/** A set of assignments for a platform; machines are built from it. */
export interface Template {
  account: string;
  id: string;
  name: string;
  platform: string;
  /** Counts changes, so that a slow compose never replaces the result of a newer one. */
  revision: number;
  created_at: string;
  updated_at: string;
}

/** Why a track of a template could not be composed as it is now; its composition before stays. */
export interface CompositionFailure {
  account: string;
  template_id: string;
  track: Track;
  code: ErrorCode;
  message: string;
  /** When it first failed for this reason. */
  since: string;
}

/** One module of a template. */
export interface Assignment {
  account: string;
  id: string;
  template_id: string;
  /** `<account>/<name>`: own modules or another account's public ones. */
  module: string;
  /** npm-style semver range; null means any. */
  constraint: string | null;
  metadata: Metadata;
  /** Replaces the priority that category and variety give; null means computed. */
  effective_priority: number | null;
  created_at: string;
  updated_at: string;
}

export const instanceStates = ['awaiting_enrolment', 'enrolled', 'credential_reused', 'decommissioned'] as const;

/** A machine built from a template. */
export interface Instance {
  account: string;
  id: string;
  name: string;
  template_id: string;
  track: Track;
  metadata: Metadata;
  clusters: string[];
  /** `credential_reused`: its credential was used from two places and ended; it may enrol again. */
  state: (typeof instanceStates)[number];
  /** RFC 7638 thumbprint of the agent's key, once enrolled. */
  key_thumbprint: string | null;
  /** SHA-256 of the agent's credential. */
  credential_hash: string | null;
  /** SHA-256 of the join token's secret; null once used. */
  join_secret_hash: string | null;
  join_expires_at: string | null;
  /** Version of the last signed desired state; 0 before the first. */
  desired_version: number;
  /** SHA-256 of what it says: unchanged content is not signed again. */
  desired_hash: string | null;
  desired_composition: string | null;
  /** `<name>` or `<account>/<name>` → composefs digest the machine should run. */
  desired_modules: Record<string, string>;
  desired_signed_at: string | null;
  desired_expires_at: string | null;
  /**
   * S3 keys of the composition records that the signed desired state in place may name: none before the first, several
   * from when another one is claimed until its bytes are in place.
   */
  desired_report_keys: string[];
  /** The KMS key that signed it; null before the first. */
  desired_key_id: string | null;
  /** Why the desired state could not be made as it should be now; the one before stays. Null when it could. */
  desired_error: DesiredError | null;
  /** The last report, null before the first. */
  report: InstanceReport | null;
  created_at: string;
  updated_at: string;
}

export interface DesiredError {
  code: ErrorCode;
  message: string;
}

export interface InstanceReport {
  status: 'applied' | 'unchanged' | 'stale' | 'refused';
  code: string | null;
  message: string | null;
  desired_state_version: number;
  composition_digest: string | null;
  running_module_digests: Record<string, string>;
  health: 'healthy' | 'degraded' | 'unknown';
  agent_version: string;
  at: string;
}

/** How a module is called in an account's answers: bare for its own, `<account>/<name>` for another's. */
export function moduleLabel(viewer: string, account: string, name: string): string {
  return viewer === account ? name : `${account}/${name}`;
}

/** Splits `<account>/<name>`; a bare name belongs to `own`. */
export function splitModule(reference: string, own: string): { account: string; name: string } {
  const slash = reference.indexOf('/');
  return slash === -1
    ? { account: own, name: reference }
    : { account: reference.slice(0, slash), name: reference.slice(slash + 1) };
}
