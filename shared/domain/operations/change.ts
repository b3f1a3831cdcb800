import type { Role } from '../accounts/index.ts';
import type { ModuleChanges, PromotionState } from '../modules/index.ts';
import type { Metadata, Track } from '../templates/index.ts';
import type { InterventionPolicy } from './intervention-policy.ts';

/**
 * The fields of each kind of change. A kind is named `<noun>_<verb>`, and so are its event
 * `gantry.<noun>.<verb in the past tense>` and its file `operations/changes/<noun>-<verb>.ts`.
 */
export interface ChangeFields {
  version_promote: {
    module: string;
    version_id: string;
    /** The state of the version at the time of the request. */
    from: PromotionState;
    to: PromotionState;
    /**
     * Asked by name to retire a version that compositions use and that no other version can take
     * over from.
     */
    withdraw: boolean;
    /**
     * The live version at the time of the request, which a promotion to live replaces. It is
     * composed and approved with the change.
     */
    replaces: string | null;
  };
  /** Holds the live version and makes one live again that was live before. */
  version_rollback: {
    module: string;
    /** The live version at the time of the request, which is held. */
    version_id: string;
    to_version_id: string;
    reason: string;
    /**
     * The operation that asks reviewers afterwards; null if they are asked first. It is made in the
     * transaction of the rollback.
     */
    review_id: string | null;
  };
  /** Asks reviewers about a rollback that was applied already. Nothing changes by it. */
  rollback_review: {
    module: string;
    version_id: string;
    to_version_id: string;
    reason: string;
    rollback_id: string;
  };
  version_yank: WithheldVersion;
  version_unyank: WithheldVersion;
  version_quarantine: WithheldVersion;
  /** Lifts an operator's quarantine and the hold of a rollback. */
  version_release: WithheldVersion;
  assignment_add: {
    assignment_id: string;
    template_id: string;
    module: string;
    constraint: string | null;
    metadata: Metadata;
    effective_priority: number | null;
  };
  assignment_update: {
    assignment_id: string;
    template_id: string;
    constraint?: string | null;
    metadata?: Metadata;
    from_metadata?: string;
    effective_priority?: number | null;
  };
  assignment_remove: { assignment_id: string; template_id: string };
  /** Moves one track of a template to another version of another account's module. */
  dependency_update: {
    template_id: string;
    track: Track;
    /** `<account>/<name>` */
    module: string;
    from_version_id: string;
    version_id: string;
  };
  /**
   * Patterns of the module's `protected_spec` that are reserved for it, or no longer are; the
   * others stay.
   */
  reservation_change: { module: string; grant: string[]; revoke: string[] };
  module_update: {
    module: string;
    set: ModuleChanges;
    /** True if an artifact can get in that the policy of `policy_version` refused. */
    loosens_trust: boolean;
    /** The module's policy when this was requested. */
    policy_version: string;
    /** True to quarantine versions that compositions use, because the request says so by name. */
    quarantines?: boolean;
  };
  /** Lets quarantining continue after it was held because too many versions were quarantined. */
  quarantine_resume: object;
  /**
   * All roles and groups of a member, before and after: one who becomes a reviewer, or a reviewer
   * who joins a group.
   */
  member_change: {
    member_id: string;
    was: Role[];
    roles: Role[];
    was_groups: string[];
    groups: string[];
  };
  instance_update: {
    instance_id: string;
    name?: string;
    metadata?: Metadata;
    /** `metadataHash` of the metadata when this was requested, where it was merged with that. */
    from_metadata?: string;
    track?: Track;
    /** The track of the machine when this was requested, where the track changes. */
    from_track?: Track;
    clusters?: string[];
  };
  /** The whole policy as it would be, and as it was when the change was requested. */
  policy_change: { policy: InterventionPolicy; was: InterventionPolicy };
}

interface WithheldVersion {
  module: string;
  version_id: string;
  reason: string;
}

export type ChangeName = keyof ChangeFields;

/**
 * A change of an operation. It is a union, so that approval and compose need not know the kinds.
 */
export type Change<Name extends ChangeName = ChangeName> = {
  [Each in Name]: { kind: Each } & ChangeFields[Each];
}[Name];
