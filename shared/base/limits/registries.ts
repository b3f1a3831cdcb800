/** Limits of registries and their webhooks. */
export const registriesLimits = {
  /** How long a registry may take to return headers. */
  registryFirstByteMs: 10_000,
  /** How long a stream from a registry may stall. */
  registryStallMs: 20_000,
  /**
   * How long a registry may take to check and store an upload after its last byte: it hashes and
   * moves gigabytes.
   */
  registryCommitMs: 120_000,
  /**
   * How long a whole manifest, tag page or token may take, so that a registry that drips bytes
   * cannot hold a worker.
   */
  registryDocumentMs: 60_000,
  /**
   * Body of a webhook: those of Harbor and GitHub are under 50 KB, a registry bundles some hundred
   * events.
   */
  hookBodyBytesMax: 1024 ** 2,
  /** Repositories that one webhook polls. */
  hookRepositoriesMax: 100,
  /** How long a delivery is remembered: longer than any product repeats one. */
  hookRememberSeconds: 7 * 24 * 3600,
  /** How often a blob's stream is resumed. The first wait doubles up to the longest: 3 s in all. */
  blobResumesMax: 5,
  blobResumeWaitMs: 100,
  blobResumeWaitMaxMs: 1_600,
  /**
   * How long a worker caches credentials of a registry. ECR's are renewed this long before their
   * end.
   */
  registryCredentialsMs: 5 * 60_000,
  /** Registries whose credentials, and webhooks whose secrets, a worker caches. */
  keptSecretsMax: 1000,
  /** Indexes whose builds a worker caches, by their digest: some kilobytes each. */
  keptIndexesMax: 1000,
  /** Certificates of a registry's authorities in PEM: about twenty. */
  registryCaCharactersMax: 32 * 1024,
  /**
   * Sets of connections that a worker keeps: one for each authority of a registry. The least used
   * one is opened again when it is needed.
   */
  keptDispatchersMax: 32,
  /** Tokens of a registry that a worker caches: one per repository, some kilobytes each. */
  registryTokensMax: 1000,
  /** A token is not used in the last part of its life, so that it does not expire in transit. */
  registryTokenMarginMs: 10_000,
  /** How long a registry gets no requests if it limits their rate without a time. */
  registryPauseSeconds: 60,
  /**
   * Wait of work that found no free place at a registry, and the spread of the first wait of any
   * work.
   */
  budgetWaitSeconds: 5,
  /** Longest such wait: SQS delays a message by at most fifteen minutes. */
  budgetWaitMaxSeconds: 900,
} as const;
