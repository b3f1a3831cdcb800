/** Limits of desired states. */
export const reconcileLimits = {
  /** Signed TUF metadata: the rendered files and masks of a large template fit many times over. */
  directorMetadataBytesMax: 32 * 1024 ** 2,
  /**
   * Instances whose desired state one run of the sweep signs again after the director key of an
   * account changed.
   */
  rotationPageSize: 2000,
  /** Accounts that one run of the sweep does so for: together they stay within its minute. */
  rotationsPerRun: 5,
  /** Life of a desired state (product.md, section 9); signed again at half. */
  desiredStateDays: 7,
  /** Life of the URLs that agents read S3 with; heartbeats renew them. */
  presignedSeconds: 3600,
  /** Life of a join token. */
  joinTokenSeconds: 24 * 3600,
} as const;
