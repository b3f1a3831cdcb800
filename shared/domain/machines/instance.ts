import type { ErrorCode } from '../../base/error-codes.ts';
import { limits } from '../../base/limits/index.ts';
import type { Metadata, Track } from '../templates/index.ts';

export const instanceStates = [
  'awaiting_enrolment',
  'enrolled',
  'credential_reused',
  'decommissioned',
] as const;

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
  /**
   * The public half of the agent's X25519 key (32 bytes, base64url): values are sealed to it. Null
   * without an agent that has one; rows of older releases lack it.
   */
  sealing_key?: string | null;
  /** SHA-256 of the agent's credential. */
  credential_hash: string | null;
  /** SHA-256 of the join token's secret; null once used. */
  join_secret_hash: string | null;
  join_expires_at: string | null;
  /** Version of the last signed desired state; 0 before the first. */
  desired_version: number;
  /** SHA-256 of its content: unchanged content is not signed again. */
  desired_hash: string | null;
  desired_composition: string | null;
  /** `<name>` or `<account>/<name>` → composefs digest the machine should run. */
  desired_modules: Record<string, string>;
  desired_signed_at: string | null;
  desired_expires_at: string | null;
  /**
   * S3 keys of the composition records that the signed desired state may name. There are none
   * before the first, and several while a new one is claimed but not yet stored.
   */
  desired_report_keys: string[];
  /** The KMS key that signed it; null before the first. */
  desired_key_id: string | null;
  /**
   * The flow that signed it, which leads from a promotion to the reports of the machines that run
   * it.
   */
  desired_correlation_id: string | null;
  /** Why no new desired state can be made, so the previous one stays; null if one was made. */
  desired_error: DesiredError | null;
  /** The last report, null before the first. */
  report: InstanceReport | null;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  created_at: string;
  updated_at: string;
}

export interface DesiredError {
  code: ErrorCode;
  message: string;
  /** When it first failed for this reason. */
  since: string;
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
  /** Null while it is not healthy. */
  healthy_since: HealthySince | null;
}

/** Since when a machine has reported the modules that it runs as healthy, without a break. */
export interface HealthySince {
  /** All modules but these. */
  all: string;
  /** Modules that it got later. */
  newer: Record<string, string>;
}

/**
 * Since when the machine is healthy with what it runs: the same digest in every report, none of
 * them missing. After more changes than fit, it begins again with all modules.
 */
export function healthySince(
  before: InstanceReport | null,
  next: Pick<InstanceReport, 'health' | 'running_module_digests' | 'at'>,
): HealthySince | null {
  if (next.health !== 'healthy') return null;

  const { at, running_module_digests } = next;
  const lost = before === null || Date.parse(at) - Date.parse(before.at) > limits.agentSilentMs;
  if (lost || before.healthy_since === null) return { all: at, newer: {} };

  const { all, newer } = before.healthy_since;
  const ran = new Map(Object.entries(before.running_module_digests));
  const known = new Map(Object.entries(newer));

  const later = Object.entries(running_module_digests).flatMap(([module, digest]) => {
    const since = ran.get(module) === digest ? known.get(module) : at;
    return since === undefined ? [] : [[module, since] as const];
  });

  return later.length > limits.healthyModulesMax
    ? { all: at, newer: {} }
    : { all, newer: Object.fromEntries(later) };
}
