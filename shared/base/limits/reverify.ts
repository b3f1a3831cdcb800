/** Limits of quarantining. */
export const reverifyLimits = {
  /**
   * Quarantines of offered versions in one account within the window, after which a person is
   * asked.
   */
  quarantinesMax: 5,
  quarantineWindowSeconds: 24 * 3600,
} as const;
