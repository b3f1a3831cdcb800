/**
 * The record of a credential's calls, which shows if it is used from two places
 * (shared/dpop/call-chain.ts).
 */
export interface CallChain {
  /** Counts nonces given. */
  generation: number;
  /** SHA-256 of the nonce given last; null before the first. */
  current: string | null;
  /** Nonces that calls named, the newest first, each with the highest attempt seen. */
  used: { nonce: string | null; attempt: number }[];
}

export const newChain: CallChain = { generation: 0, current: null, used: [] };
