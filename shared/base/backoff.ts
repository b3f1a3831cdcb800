interface Backoff {
  /** Failures so far. The wait doubles with each. */
  attempt: number;
  /** The wait at attempt 0. The unit is the caller's: seconds, milliseconds. */
  base: number;
  /** No wait is longer. */
  cap: number;
  /**
   * Subtracts up to `share` of the wait, so that work which failed together does not come back
   * together.
   */
  jitter?: {
    /** From 0 (nothing) to 1 (all of it). */
    share: number;
    /** A random number from 0 up to 1. */
    random: number;
  };
}

/** How long to wait before work that failed is tried again. */
export function backoff({ attempt, base, cap, jitter }: Backoff): number {
  const wait = Math.min(base * 2 ** attempt, cap);
  return jitter === undefined ? wait : wait * (1 - jitter.share * jitter.random);
}
