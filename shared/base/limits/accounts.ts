/** Limits of account roots. */
export const accountsLimits = {
  /**
   * Life of an account's root metadata: it is rotated well before, and machines without Gantry
   * outlive outages.
   */
  accountRootDays: 3650,
  /**
   * Keys that may sign an account's root: more than people and machines that hold one, and few
   * enough for every agent to check each.
   */
  rootKeysMax: 20,
  /**
   * Roots that one heartbeat gives to an agent that is behind; the next heartbeat gives the rest.
   */
  rootsPerHeartbeat: 20,
  /**
   * Public keys of directors that one process keeps: 200 bytes each, two for each account that it
   * works for.
   */
  directorKeysCached: 10_000,
} as const;
