/** The work of one account that runs in one stage now. */
export interface AccountSlots {
  account: string;
  stage: string;
  /** Running work by id, with the time in milliseconds after which it counts as dead. */
  leases: Record<string, number>;
}

/** What a piece of work asks for before it begins. Times in milliseconds. */
export interface SlotAsk extends Omit<AccountSlots, 'leases'> {
  /** Letters and digits, a letter first. */
  id: string;
  nowMs: number;
  /** When the work is taken for dead. */
  untilMs: number;
  /** How many pieces of work the account may have in the stage. */
  most: number;
}

/**
 * How much of a stage's concurrency one account may take: a part of it, so that slow registries of
 * one account leave room for the others, and an account alone loses little.
 */
export function accountSlots(concurrency: number, percent: number): number {
  return Math.max(1, Math.floor((concurrency * percent) / 100));
}
