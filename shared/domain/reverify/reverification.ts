import type { QuarantineBudget } from './quarantine.ts';

/**
 * How the last re-verification of a version ended. `unconfirmed`: it does not verify, but trust
 * material was stale or the registry failed, so this is not certain. `held`: it would be
 * quarantined, but too many versions were, so a person is asked first.
 */
export const reverificationOutcomes = ['verified', 'unconfirmed', 'held', 'quarantined'] as const;

export type ReverificationOutcome = (typeof reverificationOutcomes)[number];

export interface Reverification {
  outcome: ReverificationOutcome;
  /** Why it does not verify: a code of error-codes.ts and a sentence; null if it does. */
  code: string | null;
  message: string | null;
  policy_version: string;
  trust_root_version: string;
  /** Since when it has this outcome by this policy and trust root. */
  since: string;
}

/** The facts that decide the outcome of a re-verification. */
export interface ReverificationFacts {
  verified: boolean;
  /**
   * True if trust material is fresh, and the registry was asked if the stored signatures did not
   * suffice.
   */
  certain: boolean;
  /** Of the version before the re-verification. */
  quarantined: boolean;
  /** It was promoted, so machines may get it. */
  handedOut: boolean;
}

export interface ReverificationDecision {
  outcome: ReverificationOutcome;
  /** False if the outcome of the last re-verification does not change. */
  recorded: boolean;
}

/**
 * True if machines get the version and it is not quarantined yet. No machine gets a version that is
 * only built, so its quarantine costs nothing and says nothing about the trust material.
 */
export function countsAsQuarantine(facts: ReverificationFacts): boolean {
  return !facts.verified && facts.certain && !facts.quarantined && facts.handedOut;
}

/**
 * Decides how a re-verification ends.
 * @param budget the account's budget after one more quarantine (`withQuarantine`); null if a person
 * is asked first
 */
export function reverificationOutcome(
  facts: ReverificationFacts,
  budget: QuarantineBudget | null,
): ReverificationDecision {
  const { verified, certain, quarantined } = facts;
  // A quarantine that was certain is neither lifted nor explained by less.
  if (quarantined && !certain) return { outcome: 'quarantined', recorded: false };
  if (verified) return { outcome: 'verified', recorded: true };
  if (!certain) return { outcome: 'unconfirmed', recorded: true };

  const held = countsAsQuarantine(facts) && budget === null;
  return { outcome: held ? 'held' : 'quarantined', recorded: true };
}
