/** Limits of registries and their webhooks. */
export const registriesLimits = {
  /** How long a registry may take to answer with headers. */
  registryFirstByteMs: 10_000,
  /** How long a stream from a registry may stand still. */
  registryStallMs: 20_000,
  /**
   * How long a registry may take to check and store an upload whose last byte it has: gigabytes get
   * hashed and moved.
   */
  registryCommitMs: 120_000,
  /**
   * How long a whole manifest, tag page or token may take: a registry that drips bytes must not
   * hold a worker.
   */
  registryDocumentMs: 60_000,
  /**
   * A webhook's body: Harbor's and GitHub's are under 50 KB, a registry bundles some hundred
   * events.
   */
  hookBodyBytesMax: 1024 ** 2,
  /** Repositories that one webhook has polled. */
  hookRepositoriesMax: 100,
  /** How long a delivery is remembered: longer than any product repeats one. */
  hookRememberSeconds: 7 * 24 * 3600,
  /**
   * Times that a blob's stream is resumed. The first wait doubles up to the longest: 3 s in all.
   */
  blobResumesMax: 5,
  blobResumeWaitMs: 100,
  blobResumeWaitMaxMs: 1_600,
  /**
   * How long a worker keeps credentials of a registry before it reads them again; ECR's are renewed
   * this long before their end.
   */
  registryCredentialsMs: 5 * 60_000,
  /** Registries whose credentials, and webhooks whose secrets, a worker keeps in memory. */
  keptSecretsMax: 1000,
  /** Tokens of a registry kept by a worker: one a repository, some kilobytes each. */
  registryTokensMax: 1000,
  /** A token is not used for the last of its life: it must not end on its way. */
  registryTokenMarginMs: 10_000,
  /**
   * How long a registry is left alone that limits the rate of requests without saying for how long.
   */
  registryPauseSeconds: 60,
  /**
   * Wait of a piece of work that found all places at a registry taken, and the spread of the first
   * wait of any.
   */
  budgetWaitSeconds: 5,
  /** Longest such wait: SQS delays a message by fifteen minutes at most. */
  budgetWaitMaxSeconds: 900,
} as const;
