/** Limits of verifying candidates. */
export const verifyLimits = {
  /**
   * How long a candidate without a satisfying signature is verified again (product.md, section 4).
   */
  awaitSignatureSeconds: 24 * 3600,
  /** First wait before a candidate is verified again. It doubles up to `verifyRetryMaxSeconds`. */
  verifyRetryMinSeconds: 30,
  verifyRetryMaxSeconds: 3600,
  /** How long after its ingest a version is verified again: CI signs first and attests then. */
  lookForAttestationsSeconds: 300,
  /** Newest versions of a module that a requested poll verifies again, for the same reason. */
  lookedAtAgainMax: 10,
} as const;
