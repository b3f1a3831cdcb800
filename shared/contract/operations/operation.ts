import { z } from 'zod';
import { actions, decisions, operationStates } from '../../domain/operations/index.ts';
import { metadataSchema, pageQuery, timeSchema, trackSchema } from '../http/index.ts';

const action = z.enum(actions);

export const policySchema = z
  .object({
    action,
    decision: z.enum(decisions),
    quorum: z.number().int(),
    self_approval: z.boolean(),
    expires_in_s: z.number().int(),
  })
  .meta({ id: 'InterventionPolicy' });

/** A whole policy, its action in the path; what is left out gets its default. */
export const changePolicyBody = z.strictObject({
  decision: z.enum(decisions),
  quorum: z.number().int().min(1).max(10).exactOptional(),
  self_approval: z.boolean().exactOptional(),
  expires_in_s: z
    .number()
    .int()
    .min(60)
    .max(30 * 24 * 3600)
    .exactOptional(),
});
export type ChangePolicyBody = z.infer<typeof changePolicyBody>;
export const policyParams = z.object({ action });

const template = { assignment_id: z.string(), template_id: z.string() };
const changeSchema = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('promote_version'),
      module: z.string(),
      version_id: z.string(),
      to: z.string(),
      /** The live version that it takes the place of, for promotions to live. */
      replaces: z.string().nullable().default(null),
    }),
    z.object({
      kind: z.literal('assign_module'),
      ...template,
      module: z.string(),
      constraint: z.string().nullable(),
      metadata: metadataSchema,
      effective_priority: z.number().nullable(),
    }),
    z.object({
      kind: z.literal('update_assignment'),
      ...template,
      constraint: z.string().nullable().exactOptional(),
      metadata: metadataSchema.exactOptional(),
      effective_priority: z.number().nullable().exactOptional(),
    }),
    z.object({ kind: z.literal('remove_assignment'), ...template }),
    z.object({
      kind: z.literal('change_reservations'),
      module: z.string(),
      grant: z.array(z.string()),
      revoke: z.array(z.string()),
    }),
    z.object({
      kind: z.literal('update_module'),
      module: z.string(),
      /** Fields of the registration, as they would be. */
      set: z.record(z.string(), z.unknown()),
      /** The policy that it was asked against. */
      policy_version: z.string(),
    }),
    z.object({ kind: z.literal('resume_quarantine') }),
    z.object({
      kind: z.literal('update_instance'),
      instance_id: z.string(),
      metadata: metadataSchema.exactOptional(),
      track: trackSchema.exactOptional(),
      clusters: z.array(z.string()).exactOptional(),
    }),
    z.object({ kind: z.literal('change_policy'), policy: policySchema }),
  ])
  .meta({ id: 'Change' });

/** A change on its way: checked, composed, approved where asked, applied. */
export const operationSchema = z
  .object({
    id: z.string(),
    action,
    change: changeSchema,
    summary: z.string(),
    state: z.enum(operationStates),
    requested_by: z.string(),
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

/** The waiting state machine's task token is not among the fields: it never leaves the server. */
export const approvalSchema = z
  .object({
    id: z.string(),
    operation_id: z.string(),
    action,
    summary: z.string(),
    requested_by: z.string(),
    state: z.enum(['pending', 'approved', 'rejected', 'expired', 'withdrawn']),
    quorum: z.number().int(),
    self_approval: z.boolean(),
    decisions: z.array(
      z.object({
        reviewer: z.string(),
        reviewer_email: z.string(),
        decision: z.enum(['approve', 'reject']),
        comment: z.string().nullable(),
        decided_at: timeSchema,
        by: z.enum(['link', 'api']),
      }),
    ),
    expires_at: timeSchema,
    created_at: timeSchema,
  })
  .meta({ id: 'Approval' });
export const approvalAnswer = z.object({ approval: approvalSchema });

export const approvalsQuery = pageQuery.extend({
  state: approvalSchema.shape.state.exactOptional(),
});

export const decideBody = z.strictObject({
  decision: z.enum(['approve', 'reject']),
  comment: z.string().max(2000).exactOptional(),
});
export type DecideBody = z.infer<typeof decideBody>;
