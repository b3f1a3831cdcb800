/** Limits of account roots. */
export const accountsLimits = {
  /**
   * Life of an account's root metadata. It is rotated long before, and the life covers long outages
   * of Gantry.
   */
  accountRootDays: 3650,
  /**
   * Keys that may sign an account's root: more than the people and machines that hold one, and few
   * enough for every agent to check each.
   */
  rootKeysMax: 20,
  /**
   * Roots in one heartbeat response to an agent that is behind. The next heartbeat returns the
   * rest.
   */
  rootsPerHeartbeat: 20,
  /**
   * Public keys of directors that one process caches: 200 bytes each, two for each of its accounts.
   */
  directorKeysCached: 10_000,
} as const;
