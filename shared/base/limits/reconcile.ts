/** Limits of desired states. */
export const reconcileLimits = {
  /** Signed TUF metadata: the rendered files and masks of a large template fit many times over. */
  directorMetadataBytesMax: 32 * 1024 ** 2,
  /**
   * Instances whose desired state one run of the sweep signs again after an account's director key
   * changed.
   */
  rotationPageSize: 2000,
  /** Accounts for which one run of the sweep does so: together they fit in its minute. */
  rotationsPerRun: 5,
  /** Life of a desired state (product.md, section 9). It is signed again after half of it. */
  desiredStateDays: 7,
  /** Life of the URLs with which agents read S3. Heartbeats renew them. */
  presignedSeconds: 3600,
  /** Life of a join token. */
  joinTokenSeconds: 24 * 3600,
} as const;
