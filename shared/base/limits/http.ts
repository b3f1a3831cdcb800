/** Limits of the HTTP API and its client. */
export const httpLimits = {
  /**
   * Body of one request: a manifest of moduleManifestBytesMax fits as JSON, and Lambda accepts at
   * most 6 MiB.
   */
  apiBodyBytesMax: 4 * 1024 ** 2,
  /** Items of one page of a list as JSON: Lambda returns at most 6 MiB. */
  pageBytesMax: 4 * 1024 ** 2,
  /** Rows that one page of a filtered list reads at most, a few seconds of reading. */
  filteredRowsMax: 10_000,
  /**
   * How long an Idempotency-Key is remembered. A client that retries after more than a day means
   * something new.
   */
  idempotencySeconds: 24 * 3600,
  /**
   * How long an interrupted request keeps its Idempotency-Key. After API Gateway's 30 s it cannot
   * be running.
   */
  idempotencyClaimSeconds: 60,
  /** How long the command line waits for one response. After API Gateway's 30 s none comes. */
  clientTimeoutMs: 35_000,
  /** Body of a response to the command line: API Gateway returns at most 10 MiB. */
  clientResponseBytesMax: 10 * 1024 ** 2,
  /** How often the command line sends a request that fails on its way. */
  clientAttemptsMax: 3,
  /** How long a caller waits after a 503: most causes are gone by then. */
  retryAfterSeconds: 5,
  /** `--watch` asks this often: a person sees a change within one look. */
  watchPauseMs: 2000,
  /** The longest pause of `--watch` after failures, so that a return is noticed within a minute. */
  watchPauseMsMax: 60_000,
  /** A stored SBOM that is read for a response, which has few more bytes than the document. */
  sbomResponseBytesMax: 4 * 1024 ** 2,
  /** The body of a response as JSON text: a function of AWS returns at most 6 MB, with headers. */
  functionBodyBytesMax: 6 * 1024 ** 2 - 64 * 1024,
} as const;
