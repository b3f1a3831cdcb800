/** Limits of operations. */
export const operationsLimits = {
  /** Characters of the reason for which a task of Step Functions failed: its own bound. */
  taskCauseLengthMax: 32_768,
  /** An operation that nothing touched for this long is asked whether its execution still lives. */
  operationIdleSeconds: 60,
  /**
   * Until the sweep looks again at an execution that it found alive: thousands may wait for
   * approval, for days.
   */
  operationLookSeconds: 600,
  /**
   * Times that a change is composed again because a template changed before it was applied; each
   * takes some seconds.
   */
  planRoundsMax: 10,
  /**
   * Writes of all changes of one operation; DynamoDB takes 100 in one transaction, and one is the
   * operation's own.
   */
  operationWritesMax: 99,
  /**
   * Templates whose revisions one transaction holds; DynamoDB takes 100 writes, the change itself
   * has up to ten.
   */
  plannedTemplatesMax: 80,
  /**
   * Tracks of templates that one change composes: their list travels through an execution, 256 KiB
   * at most.
   */
  templateTracksMax: 3000,
  /** Executions that are started for one operation before it is given up. */
  operationAttemptsMax: 5,
} as const;
