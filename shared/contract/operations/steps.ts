import { z } from 'zod';
import { idSchema } from '../../base/ids.ts';

/**
 * The decisions of the steps of an operation. The state machine branches on these words and on the
 * decision of the policy, which a check also returns.
 */
export const stepDecisions = {
  /** By check: the operation has ended. */
  refused: 'refused',
  /** By check: apply without asking a reviewer. */
  allow: 'allow',
  /** By check: ask reviewers once the change is composed. By apply: ask them now. */
  require_approval: 'require_approval',
  /** By reviewers, or by expire if they decided in time. */
  approved: 'approved',
  rejected: 'rejected',
  withdrawn: 'withdrawn',
  /** By expire: no decision came in time. */
  expired: 'expired',
  applied: 'applied',
  /** By apply: a template changed since it was composed, so plan and compose again. */
  replan: 'replan',
} as const;

export type StepDecision = keyof typeof stepDecisions;

/**
 * Input of every step of an operation; `task_token` only if a step waits, `planned` and `round`
 * only for apply.
 */
export const operationStep = z.object({
  step: z.enum(['check', 'plan', 'await_approval', 'apply', 'notify', 'fail', 'expire']),
  account: z.string(),
  operation_id: idSchema('operation'),
  task_token: z.string().optional(),
  /** The digest that the last plan returned. */
  planned: z.string().optional(),
  /** How many times it was planned so far. */
  round: z.number().int().optional(),
  error: z.string().optional(),
  cause: z.string().optional(),
});

export type OperationStep = z.infer<typeof operationStep>;

/** A step as the state machine sends it. */
export const operationInput = operationStep.extend({ correlation_id: z.string() });
