import { z } from 'zod';
import { idSchema, versionIdSchema } from '../base/ids.ts';

/** How often the message was sent again because the budget of its registry was spent. */
const waits = z.number().int().optional();

/** The messages of the queues hold ids only. A stage reads the present state from the table. */
export const pollMessage = z.object({
  account: z.string(),
  module: z.string(),
  /** Somebody asked for a poll: look at every known tag again, due or not. */
  recheck: z.boolean().optional(),
  waits,
});

/** Verify one candidate. */
export const verifyMessage = z.object({
  account: z.string(),
  module: z.string(),
  version_id: versionIdSchema,
  waits,
});

/**
 * Ingest one candidate that was verified. `reindex` renews the file indexes of one version instead,
 * because they have an older format.
 */
export const ingestMessage = verifyMessage.extend({ reindex: z.boolean().optional() });

/**
 * Compose one template for one track. With an operation, it is composed as it would be after that
 * operation, and the result goes to the waiting state machine. Without one, the present template is
 * composed, and the result becomes its composition.
 */
export const composeMessage = z.object({
  account: z.string(),
  template_id: idSchema('template'),
  track: z.enum(['live', 'blessed', 'staging']),
  operation_id: idSchema('operation').optional(),
  task_token: z.string().optional(),
});

/** Make and sign the desired state of one instance. */
export const reconcileMessage = z.object({
  account: z.string(),
  instance_id: idSchema('instance'),
});

/**
 * Verify again: one version, or all released versions of a module, of an account, or of every
 * account. `built` adds the versions of a module that are not released yet. `look` is about
 * attestations that came later: the verdict on a version that verifies anyway is not recorded.
 */
export const reverifyMessage = z.object({
  account: z.string().optional(),
  module: z.string().optional(),
  version_id: versionIdSchema.optional(),
  built: z.boolean().optional(),
  look: z.boolean().optional(),
  waits,
});

/** Delete the objects of one account that no row names. */
export const collectMessage = z.object({ account: z.string() });

/** Make the next attempt at an account that is not there yet. */
export const createMessage = z.object({ account: z.string() });

/** Judge what the sensors of one account see. */
export const watchMessage = z.object({ account: z.string() });

export type PollMessage = z.infer<typeof pollMessage>;
export type VerifyMessage = z.infer<typeof verifyMessage>;
export type IngestMessage = z.infer<typeof ingestMessage>;
export type ComposeMessage = z.infer<typeof composeMessage>;
export type ReconcileMessage = z.infer<typeof reconcileMessage>;
export type ReverifyMessage = z.infer<typeof reverifyMessage>;
export type CollectMessage = z.infer<typeof collectMessage>;
export type CreateMessage = z.infer<typeof createMessage>;
export type WatchMessage = z.infer<typeof watchMessage>;
