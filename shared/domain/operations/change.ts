import type { ModuleChanges, PromotionTarget } from '../modules/index.ts';
import type { Metadata, Track } from '../templates/index.ts';
import type { InterventionPolicy } from './intervention-policy.ts';

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
  | {
      kind: 'update_instance';
      instance_id: string;
      metadata?: Metadata;
      track?: Track;
      clusters?: string[];
    }
  | { kind: 'change_policy'; policy: InterventionPolicy };
