/** Limits of the HTTP API and its client. */
export const httpLimits = {
  /**
   * One request's body: a manifest of moduleManifestBytesMax fits as JSON, and Lambda takes 6 MiB
   * at most.
   */
  apiBodyBytesMax: 4 * 1024 ** 2,
  /** Items of one page of a list as JSON: Lambda returns 6 MiB at most. */
  pageBytesMax: 4 * 1024 ** 2,
  /**
   * How long an Idempotency-Key is remembered: a client that retries later than a day meant
   * something new.
   */
  idempotencySeconds: 24 * 3600,
  /**
   * How long a request that was cut off keeps its Idempotency-Key: past API Gateway's 30 s it
   * cannot be running.
   */
  idempotencyClaimSeconds: 60,
  /** How long the command line waits for one answer: past API Gateway's 30 s none comes. */
  clientTimeoutMs: 35_000,
  /** How often the command line sends a request that fails on its way. */
  clientAttemptsMax: 3,
} as const;
