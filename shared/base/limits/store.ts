/** Limits of reads, writes and objects. */
export const storeLimits = {
  /**
   * Immediate retries of work whose record changed meanwhile. After that, the queue or the caller
   * retries.
   */
  conflictAttemptsMax: 10,
  /**
   * The same for one small row that many workers write, such as a tag: each time one of them has
   * got on.
   */
  rowAttemptsMax: 20,
  /**
   * Rows, lists and file indexes that one call reads or writes at the same time: more only wait in
   * the client.
   */
  storeReadsAtOnce: 16,
  /**
   * Age below which an object is never collected: whatever is to name it, or still reads it, has
   * long ended by then.
   */
  objectGraceSeconds: 24 * 3600,
  /**
   * Age past which an object that is named again is made young: a function, 15 minutes at most, is
   * far from the rest.
   */
  objectRenewSeconds: 12 * 3600,
} as const;
