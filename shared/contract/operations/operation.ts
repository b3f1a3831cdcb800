import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import { slugSchema } from '../../base/slug.ts';
import { daySeconds } from '../../base/time.ts';
import { signIns } from '../../domain/accounts/index.ts';
import {
  actions,
  approvalFilters,
  approvalStates,
  type Change,
  type ChangeName,
  decisions,
  faultOfWindow,
  operationFilters,
  operationStates,
} from '../../domain/operations/index.ts';
import { listQuery, metadataSchema, roleSchema, timeSchema, trackSchema } from '../http/index.ts';

const action = z.enum(actions);

export const policySchema = z
  .object({
    action,
    decision: z.enum(decisions),
    quorum: z.number().int(),
    self_approval: z.boolean(),
    expires_in_s: z.number().int(),
    reviewer_groups: z.array(z.string()),
    min_soak_s: z.number().int(),
    freeze_windows: z.array(z.object({ from: z.string(), to: z.string(), time_zone: z.string() })),
    required_attestations: z.array(z.string()),
    required_builders: z.array(z.string()),
    required_sources: z.array(z.string()),
  })
  .meta({ id: 'InterventionPolicy' });

const point = z.string().max(30);

/** A time in which an action is refused. */
const freezeWindow = z
  .strictObject({
    from: point.meta({
      description:
        '`22:00` for every day, `fri 17:00` for every week, `2026-12-24 12:00` for once. `to` has the same form',
    }),
    to: point.meta({ description: 'the first minute that is not frozen any more' }),
    time_zone: z.string().max(60).meta({ description: 'IANA name, such as `Europe/Zurich`' }),
  })
  .superRefine((window, context) => {
    const message = faultOfWindow(window);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });

const regexps = z.array(z.string().min(1).max(500)).max(limits.policyListMax);

/** The fields of a policy, whose action is in the path. */
export const policyFields = z.strictObject({
  decision: z.enum(decisions),
  quorum: z.number().int().min(1).max(10),
  self_approval: z.boolean(),
  expires_in_s: z.number().int().min(60).max(limits.approvalSecondsMax),
  reviewer_groups: z.array(slugSchema).max(limits.policyListMax).meta({
    description: 'only a reviewer who is in each of these groups counts; none: all count',
  }),
  min_soak_s: z
    .number()
    .int()
    .min(0)
    .max(90 * daySeconds)
    .meta({
      description:
        'seconds that a version must have been in its state before; for promotions to staging, blessed and live',
    }),
  freeze_windows: z
    .array(freezeWindow)
    .max(limits.policyListMax)
    .meta({ description: 'times in which the action is refused' }),
  required_attestations: z.array(z.string().min(1).max(500)).max(limits.policyListMax).meta({
    description:
      'predicate types of verified attestations that a version must carry; for promotions to staging, blessed and live',
  }),
  required_builders: regexps.meta({
    description:
      'RE2 that the builder in SLSA provenance of a version must match, each of them; for the same promotions',
  }),
  required_sources: regexps.meta({
    description:
      'RE2 that the source repository in the same provenance must match, each of them; for the same promotions',
  }),
});

/** Changes of a policy. A field that is left out stays as it is. */
export const changePolicyBody = z
  .strictObject({
    decision: policyFields.shape.decision.exactOptional(),
    quorum: policyFields.shape.quorum.exactOptional(),
    self_approval: policyFields.shape.self_approval.exactOptional(),
    expires_in_s: policyFields.shape.expires_in_s.exactOptional(),
    reviewer_groups: policyFields.shape.reviewer_groups.exactOptional(),
    min_soak_s: policyFields.shape.min_soak_s.exactOptional(),
    freeze_windows: policyFields.shape.freeze_windows.exactOptional(),
    required_attestations: policyFields.shape.required_attestations.exactOptional(),
    required_builders: policyFields.shape.required_builders.exactOptional(),
    required_sources: policyFields.shape.required_sources.exactOptional(),
  })
  .refine((set) => Object.keys(set).length > 0, {
    error: `expected one of ${Object.keys(policyFields.shape).join(', ')}`,
  });
export type ChangePolicyBody = z.infer<typeof changePolicyBody>;
export const policyParams = z.object({ action });

const assignment = { assignment_id: z.string(), template_id: z.string() };
const withheld = { module: z.string(), version_id: z.string(), reason: z.string() };
const rollback = { ...withheld, to_version_id: z.string() };
const fromMetadata = z
  .string()
  .exactOptional()
  .meta({
    description: 'SHA-256 of the metadata that a merge patch was applied to',
    examples: ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
  });

/** How a change of each kind is sent. A kind or a field that is missing here is a type error. */
const changeSchemas = {
  version_promote: z.object({
    kind: z.literal('version_promote'),
    module: z.string(),
    version_id: z.string(),
    from: z.string(),
    to: z.string(),
    withdraw: z.boolean(),
    /** The live version that it replaces, for promotions to live. */
    replaces: z.string().nullable(),
  }),
  version_rollback: z.object({
    kind: z.literal('version_rollback'),
    ...rollback,
    review_id: z
      .string()
      .nullable()
      .meta({ description: 'the operation that asks reviewers afterwards' }),
  }),
  rollback_review: z.object({
    kind: z.literal('rollback_review'),
    ...rollback,
    rollback_id: z.string(),
  }),
  version_yank: z.object({ kind: z.literal('version_yank'), ...withheld }),
  version_unyank: z.object({ kind: z.literal('version_unyank'), ...withheld }),
  version_quarantine: z.object({ kind: z.literal('version_quarantine'), ...withheld }),
  version_release: z.object({ kind: z.literal('version_release'), ...withheld }),
  assignment_add: z.object({
    kind: z.literal('assignment_add'),
    ...assignment,
    module: z.string(),
    constraint: z.string().nullable(),
    metadata: metadataSchema,
    effective_priority: z.number().nullable(),
  }),
  assignment_update: z.object({
    kind: z.literal('assignment_update'),
    ...assignment,
    constraint: z.string().nullable().exactOptional(),
    metadata: metadataSchema.exactOptional(),
    from_metadata: fromMetadata,
    effective_priority: z.number().nullable().exactOptional(),
  }),
  assignment_remove: z.object({ kind: z.literal('assignment_remove'), ...assignment }),
  dependency_update: z.object({
    kind: z.literal('dependency_update'),
    template_id: z.string(),
    track: trackSchema,
    module: z.string(),
    /** The version that the template is pinned to. */
    from_version_id: z.string(),
    version_id: z.string(),
  }),
  reservation_change: z.object({
    kind: z.literal('reservation_change'),
    module: z.string(),
    grant: z.array(z.string()),
    revoke: z.array(z.string()),
  }),
  module_update: z.object({
    kind: z.literal('module_update'),
    module: z.string(),
    /** Fields of the registration, as they would be. */
    set: z.record(z.string(), z.unknown()),
    /** True if an artifact can get in that the policy of `policy_version` refused. */
    loosens_trust: z.boolean(),
    /** The module's policy when this was requested. */
    policy_version: z.string(),
    quarantines: z
      .boolean()
      .exactOptional()
      .meta({ description: 'true if the request names that versions in use are quarantined' }),
  }),
  quarantine_resume: z.object({ kind: z.literal('quarantine_resume') }),
  member_change: z.object({
    kind: z.literal('member_change'),
    member_id: z.string(),
    was: z.array(roleSchema),
    roles: z.array(roleSchema),
    was_groups: z.array(z.string()),
    groups: z.array(z.string()),
  }),
  instance_update: z.object({
    kind: z.literal('instance_update'),
    instance_id: z.string(),
    name: z.string().exactOptional(),
    metadata: metadataSchema.exactOptional(),
    from_metadata: fromMetadata,
    track: trackSchema.exactOptional(),
    from_track: trackSchema
      .exactOptional()
      .meta({ description: 'the track of the machine when this was requested' }),
    clusters: z.array(z.string()).exactOptional(),
  }),
  policy_change: z.object({
    kind: z.literal('policy_change'),
    policy: policySchema,
    /** The policy when this was requested. */
    was: policySchema,
  }),
} satisfies { [Name in ChangeName]: SchemaOf<Change<Name>> };

/** Names the optional fields, too: one without a place would be left out of what reviewers read. */
type SchemaOf<Fields> = z.ZodObject & {
  readonly shape: { readonly [Field in keyof Fields]-?: z.ZodType };
};

/** Typed by the domain's names, so that a kind without a schema is a type error here. */
type ChangeSchema = (typeof changeSchemas)[ChangeName];

export const changeSchema = z
  .discriminatedUnion('kind', Object.values(changeSchemas) as [ChangeSchema, ...ChangeSchema[]])
  .meta({ id: 'Change' });

/**
 * Changes on their way: checked, composed, approved where a policy asks for it, and applied
 * together.
 */
export const operationSchema = z
  .object({
    id: z.string(),
    /** The actions whose policies the changes need. */
    actions: z.array(action),
    changes: z.array(changeSchema),
    summary: z.string(),
    state: z.enum(operationStates),
    requested_by: z.string(),
    /** Whom four eyes count: a service token counts as the person who made it. */
    requested_by_person: z.string(),
    approval_id: z.string().nullable(),
    attempt: z.number().int(),
    code: z.string().nullable(),
    message: z.string().nullable(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Operation' });
export type OperationAnswer = z.infer<typeof operationSchema>;

export const operationAnswer = z.object({ operation: operationSchema });

const requester = z.string().meta({ description: 'e-mail address, or the name of the token' });

/** An operation with the name of the requester, as lists show it. */
export const listedOperationSchema = operationSchema
  .extend({ requester })
  .meta({ id: 'ListedOperation' });

/** The task token of the waiting execution is not among the fields: it never leaves the server. */
export const approvalSchema = z
  .object({
    id: z.string(),
    operation_id: z.string(),
    actions: z.array(action),
    summary: z.string(),
    requested_by: z.string(),
    requester,
    requested_by_person: z.string(),
    state: z.enum(approvalStates),
    quorum: z.number().int(),
    self_approval: z.boolean(),
    /** Only a reviewer who is in each of these groups decides. */
    reviewer_groups: z.array(z.string()),
    decisions: z.array(
      z.object({
        reviewer: z.string(),
        reviewer_email: z.string(),
        decision: z.enum(['approve', 'reject']),
        comment: z.string().nullable(),
        decided_at: timeSchema,
        by: z.enum(['link', 'api']),
        /** Whom four eyes count. */
        person: z.string(),
        signed_in_by: z.enum(signIns),
      }),
    ),
    /** Approvals that count; of a request that waits, only those of present reviewers. */
    approvals: z.number().int(),
    waits_for: z
      .object({
        approvals: z.number().int().meta({ description: 'how many approvals are missing' }),
        reviewers: z
          .array(z.string())
          .meta({ description: 'addresses of those who may still decide' }),
        unmeetable: z.boolean().meta({
          description: 'true if nobody can approve it any more, because reviewers left',
        }),
        unmailed: z
          .array(z.string())
          .meta({ description: 'addresses that the last mail could not be sent to' }),
      })
      .nullable()
      .meta({ description: 'what the request waits for; null once it is decided' }),
    expires_at: timeSchema,
    created_at: timeSchema,
  })
  .meta({ id: 'Approval' });
/** An operation with its approval, if it asked for one. */
export const showOperationAnswer = z.object({
  operation: listedOperationSchema,
  approval: approvalSchema.nullable(),
});

export const approvalAnswer = z.object({ approval: approvalSchema });

const reviewFact = z.object({
  name: z.string(),
  /** Null where there was none, or where the change has no old value. */
  was: z.string().nullable(),
  now: z.string().nullable(),
});
const listDifference = z.object({
  added: z.array(z.string()),
  removed: z.array(z.string()),
  changed: z.array(z.string()),
  /** How many were left out. */
  more: z.number().int(),
});

/** What reviewers judge a request by, from the rows as they are now. */
export const reviewSchema = z
  .object({
    /** The requester's e-mail address, or the name of the token. */
    requester: z.string(),
    /** What could not be shown of the request as a whole. */
    warnings: z.array(z.string()),
    votes: z.object({ approvals: z.number().int(), quorum: z.number().int() }),
    changes: z.array(
      z.object({
        kind: z.string(),
        facts: z.array(reviewFact),
        warnings: z.array(z.string()),
        /** Compared with the version that is replaced; null where none is. */
        content: z
          .object({
            files: listDifference,
            packages: listDifference,
            manifest: z.array(reviewFact),
          })
          .nullable(),
      }),
    ),
    templates: z.array(
      z.object({
        template_id: z.string(),
        name: z.string(),
        track: z.string(),
        machines: z.number().int(),
      }),
    ),
    more_templates: z.number().int(),
    machines: z.number().int(),
    /** What a reviewer types on the page of a mailed link. */
    confirmation: z.string(),
  })
  .meta({ id: 'Review' });
export const showApprovalAnswer = z.object({ approval: approvalSchema, review: reviewSchema });

export const operationsQuery = listQuery(operationFilters);
export const approvalsQuery = listQuery(approvalFilters);

export const decideBody = z.strictObject({
  decision: z.enum(['approve', 'reject']),
  comment: z.string().max(2000).exactOptional(),
});
/** The form of the page of a mailed link. */
export const decideForm = decideBody.extend({ confirmation: z.string().max(300).default('') });
export type DecideBody = z.infer<typeof decideBody>;
