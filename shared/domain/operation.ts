import type { ErrorCode } from '../contract/error-codes.ts';
import type { ModuleChanges } from './module.ts';
import type { Metadata, Track } from './template.ts';
import type { PromotionTarget } from './version.ts';

/** Actions that an intervention policy speaks of (product.md, section 8). */
export const actions = [
  'module_promote_to_staging',
  'module_promote_to_blessed',
  'module_promote_to_live',
  'module_retire',
  'module_install_unverified',
  'extension_import',
  'trust_policy_change',
  'module_change',
  'mass_quarantine',
  'assignment_change',
  'reservation_change',
  'instance_change',
  'policy_change',
] as const;
export type Action = (typeof actions)[number];

export const decisions = ['allow', 'require_approval', 'deny'] as const;
export type Decision = (typeof decisions)[number];

/** What an action asks for before it happens. Data: one row an action, a default where there is no row. */
export interface InterventionPolicy {
  action: Action;
  decision: Decision;
  /** Approvals needed. */
  quorum: number;
  /** Whether the one who asked may approve. */
  self_approval: boolean;
  /** Seconds until an undecided request expires. */
  expires_in_s: number;
}

const day = 24 * 3600;

/** The policy of an action that has no row: live asks a person, the rest is allowed to those whose role allows it. */
export function defaultPolicy(action: Action): InterventionPolicy {
  const asks: readonly Action[] = [
    'module_promote_to_live',
    'module_install_unverified',
    'extension_import',
    'trust_policy_change',
    'mass_quarantine',
  ];
  return {
    action,
    decision: asks.includes(action) ? 'require_approval' : 'allow',
    quorum: 1,
    self_approval: false,
    expires_in_s: 3 * day,
  };
}

/** What an operation would change: a union, so that approval and compose are generic over it. */
export type Change =
  | {
      kind: 'promote_version';
      module: string;
      version_id: string;
      to: PromotionTarget;
      /** The version that was live when it was asked, which one that goes live replaces: what is asked, composed, approved. */
      replaces: string | null;
    }
  | {
      kind: 'assign_module';
      assignment_id: string;
      template_id: string;
      module: string;
      constraint: string | null;
      metadata: Metadata;
      effective_priority: number | null;
    }
  | {
      kind: 'update_assignment';
      assignment_id: string;
      template_id: string;
      constraint?: string | null;
      metadata?: Metadata;
      effective_priority?: number | null;
    }
  | { kind: 'remove_assignment'; assignment_id: string; template_id: string }
  /** Patterns of the module's `protected_spec` that are reserved for it, or no longer are; the others stay. */
  | { kind: 'change_reservations'; module: string; grant: string[]; revoke: string[] }
  /** `policy_version` is that of the row when it was asked: what loosens trust was decided against it. */
  | { kind: 'update_module'; module: string; set: ModuleChanges; policy_version: string }
  /** Lets quarantining go on that was held because there was much of it. */
  | { kind: 'resume_quarantine' }
  | { kind: 'update_instance'; instance_id: string; metadata?: Metadata; track?: Track; clusters?: string[] }
  | { kind: 'change_policy'; policy: InterventionPolicy };

/**
 * requested ─▶ composing ─▶ (awaiting_approval ─▶) applying ─▶ succeeded
 *     └──────────┴───────────────┴──────────────────┴─▶ refused | failed | rejected | expired | withdrawn
 */
export const operationStates = [
  'requested',
  'composing',
  'awaiting_approval',
  'applying',
  'succeeded',
  'refused',
  'failed',
  'rejected',
  'expired',
  'withdrawn',
] as const;
export type OperationState = (typeof operationStates)[number];

export const finalOperationStates: readonly OperationState[] = [
  'succeeded',
  'refused',
  'failed',
  'rejected',
  'expired',
  'withdrawn',
];

export interface Operation {
  account: string;
  id: string;
  action: Action;
  change: Change;
  /** One sentence for people: "promote my-redis 0.1.0 to live". */
  summary: string;
  state: OperationState;
  /** Who asked: `member:<id>` or `token:<id>`. */
  requested_by: string;
  approval_id: string | null;
  /** Number of executions started for it; the sweep adds one when one died. */
  attempt: number;
  code: ErrorCode | null;
  message: string | null;
  created_at: string;
  updated_at: string;
}

export interface ApprovalDecision {
  reviewer: string;
  reviewer_email: string;
  decision: 'approve' | 'reject';
  comment: string | null;
  decided_at: string;
  /** `link` or `api`. */
  by: 'link' | 'api';
}

export interface Approval {
  account: string;
  id: string;
  operation_id: string;
  action: Action;
  summary: string;
  requested_by: string;
  state: 'pending' | 'approved' | 'rejected' | 'expired' | 'withdrawn';
  quorum: number;
  self_approval: boolean;
  decisions: ApprovalDecision[];
  /** Of the waiting state machine, kept once approved so that it can be woken again; never leaves the server. */
  task_token: string | null;
  /** When every reviewer's mail was handed over; null before, so that a worker that died sends them again. */
  mailed_at: string | null;
  expires_at: string;
  created_at: string;
}

/** What the decisions so far come to: any rejection rejects, `quorum` approvals by different people approve. */
export function approvalState(approval: Pick<Approval, 'decisions' | 'quorum'>): 'pending' | 'approved' | 'rejected' {
  if (approval.decisions.some((d) => d.decision === 'reject')) return 'rejected';
  const people = new Set(approval.decisions.filter((d) => d.decision === 'approve').map((d) => d.reviewer));
  return people.size >= approval.quorum ? 'approved' : 'pending';
}
