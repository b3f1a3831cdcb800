import { daySeconds } from '../../base/time.ts';
import type { FreezeWindow } from './freeze-window.ts';

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
  'module_assign_privileged',
  'dependency_update',
  'reservation_change',
  'instance_change',
  'instance_track_change',
  'member_change',
  'policy_change',
  'policy_loosen',
] as const;

export type Action = (typeof actions)[number];

/** Actions on one version, whose policies may ask for a soak and for attestations. */
export const versionActions: readonly Action[] = [
  'module_promote_to_staging',
  'module_promote_to_blessed',
  'module_promote_to_live',
];

/** Actions that no freeze stops: a freeze that nobody could lift would last forever. */
export const neverFrozenActions: readonly Action[] = ['policy_change', 'policy_loosen'];

/** Actions that have a policy already, although nothing requests them yet. */
export const plannedActions: readonly Action[] = ['module_install_unverified', 'extension_import'];

/** What each action is, for the reference. */
export const actionMeanings: Readonly<Record<Action, string>> = {
  module_promote_to_staging: 'promote a version to `staging`, or take it back to `built`',
  module_promote_to_blessed: 'promote a version to `blessed`',
  module_promote_to_live: 'promote a version to `live`',
  module_retire: 'retire a version that nothing needs, or restore one',
  module_withdraw: 'retire a version that compositions use and nothing replaces',
  module_rollback: 'hold the live version and make the one before live again',
  module_yank: 'withdraw a version as its author, or take that back',
  module_quarantine: 'quarantine or release a version as an operator',
  module_install_unverified:
    'install a module whose signature does not verify (nothing requests it yet)',
  extension_import: 'import an extension (nothing requests it yet)',
  trust_policy_change: 'change a registration so that more artifacts can get in',
  module_change: 'change a registration in another way',
  mass_quarantine: 'let quarantining continue after it was held',
  dependency_update: 'take another version of another account’s module, or the first one',
  assignment_change: 'add, change or remove an assignment',
  module_assign_privileged:
    'give machines a module that needs a privilege they did not give it yet',
  reservation_change: 'grant or revoke a reservation of paths',
  instance_change: 'change metadata, track or clusters of a machine',
  instance_track_change: 'move a machine off the track `live`, or create it on another one',
  member_change: 'make a member a reviewer, or a reviewer a member of a group',
  policy_change: 'change a policy',
  policy_loosen: 'change a policy so that it asks for less',
};

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
  /** Only a reviewer who is in each of these groups counts. Without any, every reviewer does. */
  reviewer_groups: string[];
  /** Seconds that a version must have been in its state before it is promoted. */
  min_soak_s: number;
  /** Times in which the action is refused. */
  freeze_windows: FreezeWindow[];
  /** Predicate types of attestations that a version must carry; see `AttestationRequirement`. */
  required_attestations: string[];
  /**
   * Regexps (RE2) that SLSA provenance of a version must match: its builder each of the first, its
   * source repository each of the second. One attestation must match all.
   */
  required_builders: string[];
  required_sources: string[];
}

/** A policy as an account keeps it. */
export interface StoredPolicy extends InterventionPolicy {
  account: string;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}

/** The requirements beside approval of a policy that has none of them. */
export const noGates = {
  reviewer_groups: [],
  min_soak_s: 0,
  freeze_windows: [],
  required_attestations: [],
  required_builders: [],
  required_sources: [],
} satisfies Partial<InterventionPolicy>;

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
    'module_assign_privileged',
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
    ...noGates,
  };
}
