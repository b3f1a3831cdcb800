/**
 * How the last re-verification of a version ended. `unconfirmed`: it does not verify, and neither trust material nor registry
 * was good enough to say so for certain; `held`: it would be quarantined, and too many were, so a person is asked first.
 */
export const reverificationOutcomes = ['verified', 'unconfirmed', 'held', 'quarantined'] as const;

export interface Reverification {
  outcome: (typeof reverificationOutcomes)[number];
  /** Why it does not verify: a code of error-codes.ts and a sentence; null where it does. */
  code: string | null;
  message: string | null;
  policy_version: string;
  trust_root_version: string;
  /** When it came to this outcome by this policy and trust root. */
  since: string;
}
