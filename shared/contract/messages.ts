import { z } from 'zod';
import { idSchema, versionIdSchema } from '../base/ids.ts';

/** How often the message was put off because the budget of its registry was spent. */
const waits = z.number().int().optional();

/** Messages of the queues between the stages. Ids only: what is true now is read from the table when they arrive. */
export const pollMessage = z.object({
  account: z.string(),
  module: z.string(),
  /** Look at every known tag again, whether its time has come or not: somebody asked for a poll. */
  recheck: z.boolean().optional(),
  waits,
});
/** To verify, and then to ingest, one candidate. */
export const versionMessage = z.object({
  account: z.string(),
  module: z.string(),
  version_id: versionIdSchema,
  waits,
});

/**
 * Compose one template for one track. With an operation: as it would be once that operation is applied, and the answer
 * goes to the waiting state machine. Without: as it is, and the result becomes the template's composition.
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
 * Verify again: one version; without one all of a module, of an account, or of every account that are handed out. `built`: of
 * a module those too that are handed out to nobody yet.
 */
export const reverifyMessage = z.object({
  account: z.string().optional(),
  module: z.string().optional(),
  version_id: versionIdSchema.optional(),
  built: z.boolean().optional(),
  waits,
});

/** Delete what nothing names any more of one account. */
export const collectMessage = z.object({ account: z.string() });

/** A template and the revision at which a change was checked against it. */

/** Input of every promotion step; `task_token` only where a step waits, `planned` and `round` only to apply. */
export const promotionStep = z.object({
  step: z.enum(['check', 'plan', 'await_approval', 'apply', 'notify', 'fail', 'expire']),
  account: z.string(),
  operation_id: idSchema('operation'),
  task_token: z.string().optional(),
  /** What the last plan answered, sorted by id. */
  planned: z.string().optional(),
  /** How often it was planned so far. */
  round: z.number().int().optional(),
  error: z.string().optional(),
  cause: z.string().optional(),
});

export type PollMessage = z.infer<typeof pollMessage>;
export type VerifyMessage = z.infer<typeof versionMessage>;
export type IngestMessage = z.infer<typeof versionMessage>;
export type ComposeMessage = z.infer<typeof composeMessage>;
export type ReconcileMessage = z.infer<typeof reconcileMessage>;
export type ReverifyMessage = z.infer<typeof reverifyMessage>;
export type CollectMessage = z.infer<typeof collectMessage>;
export type PromotionStep = z.infer<typeof promotionStep>;
