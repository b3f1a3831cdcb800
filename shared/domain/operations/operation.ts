import type { ErrorCode } from '../../base/error-codes.ts';
import type { Change } from './change.ts';
import type { Action } from './intervention-policy.ts';

/**
 * requested ─▶ composing ─▶ (awaiting_approval ─▶) applying ─▶ succeeded
 *     └──────────┴───────────────┴──────────────────┴─▶ refused | failed | rejected | expired |
 *                                                        withdrawn
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
  /** The actions whose policies its changes need, each once. */
  actions: Action[];
  /** At least one. They are applied together or not at all. */
  changes: Change[];
  /** One sentence for people: "promote my-redis 0.1.0 to live". */
  summary: string;
  state: OperationState;
  /** Who requested it: `member:<id>` or `token:<id>`. */
  requested_by: string;
  /** Whom four eyes count: see `personOf`. */
  requested_by_person: string;
  approval_id: string | null;
  /** How many executions were started; the sweep starts another if one died. */
  attempt: number;
  /** How many of the earlier ones ended for a freeze; absent before the second execution. */
  freezes?: number;
  /** When people were mailed about what it changed; null before, and if nobody is. */
  announced_at: string | null;
  /** Identifies the flow from the call that asked for it through everything that follows. */
  correlation_id: string;
  code: ErrorCode | null;
  message: string | null;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  created_at: string;
  updated_at: string;
}

/** How many executions of an idle operation died. One that ended for a freeze did not. */
export function countDeaths({
  attempt,
  freezes = 0,
  code,
}: Pick<Operation, 'attempt' | 'freezes' | 'code'>): number {
  return attempt - freezes - (code === 'frozen' ? 1 : 0);
}
