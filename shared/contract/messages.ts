import { z } from 'zod';
import { idSchema, versionIdSchema } from '../base/ids.ts';

/** How often the message was sent again because the budget of its registry was spent. */
const waits = z.number().int().optional();

/** The messages of the queues hold ids only: a stage reads what is true now from the table. */
export const pollMessage = z.object({
  account: z.string(),
  module: z.string(),
  /** Somebody asked for a poll: look at every known tag again, due or not. */
  recheck: z.boolean().optional(),
  waits,
});

/** Verify, and later ingest, one candidate. */
export const versionMessage = z.object({
  account: z.string(),
  module: z.string(),
  version_id: versionIdSchema,
  waits,
});

/**
 * Compose one template for one track. With an operation: as it would be after that operation; the result goes to the
 * waiting state machine. Without: as it is now; the result becomes the template's composition.
 */
export const composeMessage = z.object({
  account: z.string(),
  template_id: idSchema('template'),
  track: z.enum(['live', 'staging']),
  operation_id: idSchema('operation').optional(),
  task_token: z.string().optional(),
});

/** Make and sign the desired state of one instance. */
export const reconcileMessage = z.object({
  account: z.string(),
  instance_id: idSchema('instance'),
});

/**
 * Verify again: one version, or all released versions of a module, of an account, or of every account. `built` adds the
 * versions of a module that are not released yet.
 */
export const reverifyMessage = z.object({
  account: z.string().optional(),
  module: z.string().optional(),
  version_id: versionIdSchema.optional(),
  built: z.boolean().optional(),
  waits,
});

/** Delete the objects of one account that no row names any more. */
export const collectMessage = z.object({ account: z.string() });

/** Input of a step of an operation; `task_token` only where a step waits, `planned` and `round` only to apply. */
export const promotionStep = z.object({
  step: z.enum(['check', 'plan', 'await_approval', 'apply', 'notify', 'fail', 'expire']),
  account: z.string(),
  operation_id: idSchema('operation'),
  task_token: z.string().optional(),
  /** The digest that the last plan returned. */
  planned: z.string().optional(),
  /** How often it was planned so far. */
  round: z.number().int().optional(),
  error: z.string().optional(),
  cause: z.string().optional(),
});

/** A step as the state machine sends it. */
export const promotionInput = promotionStep.extend({ correlation_id: z.string() });

export type PollMessage = z.infer<typeof pollMessage>;
export type VerifyMessage = z.infer<typeof versionMessage>;
export type IngestMessage = z.infer<typeof versionMessage>;
export type ComposeMessage = z.infer<typeof composeMessage>;
export type ReconcileMessage = z.infer<typeof reconcileMessage>;
export type ReverifyMessage = z.infer<typeof reverifyMessage>;
export type CollectMessage = z.infer<typeof collectMessage>;
export type PromotionStep = z.infer<typeof promotionStep>;
