import { daySeconds } from '../../base/time.ts';

/** Actions that have an intervention policy. One action may cover several kinds of change. */
export const actions = [
  'module_promote_to_staging',
  'module_promote_to_blessed',
  'module_promote_to_live',
  'module_retire',
  'module_withdraw',
  'module_rollback',
  'module_yank',
  'module_quarantine',
  'module_install_unverified',
  'extension_import',
  'trust_policy_change',
  'module_change',
  'mass_quarantine',
  'assignment_change',
  'dependency_update',
  'reservation_change',
  'instance_change',
  'instance_track_change',
  'member_change',
  'policy_change',
  'policy_loosen',
] as const;

export type Action = (typeof actions)[number];

/** From the least to the strictest. */
export const decisions = ['allow', 'require_approval', 'deny'] as const;

export type Decision = (typeof decisions)[number];

/**
 * The requirements of an action before it is applied. An account has a row for each action whose
 * policy is not the default.
 */
export interface InterventionPolicy {
  action: Action;
  decision: Decision;
  /** Approvals needed. */
  quorum: number;
  /** Whether the requester may approve. */
  self_approval: boolean;
  /** Seconds until an undecided request expires. */
  expires_in_s: number;
}

/** A policy as an account keeps it. */
export interface StoredPolicy extends InterventionPolicy {
  account: string;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}

/**
 * The policy of an action without a row: most actions need only the role that their request needs.
 */
export function defaultPolicy(action: Action): InterventionPolicy {
  const asks: readonly Action[] = [
    'module_promote_to_live',
    'module_withdraw',
    'module_rollback',
    'module_install_unverified',
    'extension_import',
    'dependency_update',
    'trust_policy_change',
    'instance_track_change',
    'mass_quarantine',
    'policy_loosen',
    'member_change',
  ];
  return {
    action,
    decision: asks.includes(action) ? 'require_approval' : 'allow',
    quorum: 1,
    self_approval: false,
    expires_in_s: 3 * daySeconds,
  };
}
