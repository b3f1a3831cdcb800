/** Limits of account roots. */
export const accountsLimits = {
  /** Life of an account's root metadata: it is rotated well before, and machines without Gantry outlive outages. */
  accountRootDays: 3650,
  /** Keys that may sign an account's root: as many as people and machines hold one, and every agent checks each. */
  rootKeysMax: 20,
  /** Roots that one heartbeat hands to an agent that is behind; the next heartbeat brings the rest. */
  rootsPerHeartbeat: 20,
} as const;
