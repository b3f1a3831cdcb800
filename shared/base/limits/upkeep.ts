/** Limits of the sensors, which warn of what waits for a person. */
export const upkeepLimits = {
  /** Time in staging without an operator's action until the first warning (product.md, 8). */
  stagingIdleMs: 24 * 60 * 60_000,
  /** Machines that must have reported a version healthy before the evidence for it suffices. */
  evidenceMachinesMin: 1,
  /** How long one of them must have reported it healthy without a break: each hour of a day. */
  evidenceHealthyMs: 24 * 60 * 60_000,
  /** Time without a successful poll: twelve polls of five minutes, with their retries. */
  pollSilentMs: 60 * 60_000,
  /** Time for which a template or a machine must have failed: retries end long before. */
  faultOpenMs: 60 * 60_000,
  /** A request is about to expire when this much of its life is left, and at most half of it. */
  approvalExpiringMs: 24 * 60 * 60_000,
  /** Time between two warnings of one subject. */
  warningRepeatMs: 24 * 60 * 60_000,
  /** Time until a mail is sent again because the run that had to send it died. */
  warningMailRetryMs: 30 * 60_000,
  /** Characters of an error or a summary that a warning quotes; its subject has all of it. */
  warningQuoteMax: 500,
  /**
   * Versions whose file indexes are written again in one day. Each reads its layers, at the pace of
   * an ingest, so new versions wait for an hour of work at most.
   */
  indexRenewalsMax: 1000,
  /** Warnings that one mail lists; the command that it names lists all. */
  warningsMailedMax: 50,
} as const;
