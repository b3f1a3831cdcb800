/** Limits of reads, writes and objects. */
export const storeLimits = {
  /**
   * Immediate attempts at work whose record changed meanwhile. After that, the queue or the caller
   * retries.
   */
  conflictAttemptsMax: 10,
  /**
   * The same for one small row that many workers write, such as a tag: after each attempt one of
   * them has succeeded.
   */
  rowAttemptsMax: 20,
  /**
   * Rows, lists and file indexes that one call reads or writes concurrently: more would only wait
   * in the client.
   */
  storeReadsAtOnce: 16,
  /** Rows of each query for names like one that does not exist, of which an error lists eight. */
  namesLikeRows: 20,
  /** Names that a query for them must find to be the last. */
  namesLikeMin: 8,
  /**
   * Age below which an object is never collected. Work that will name it or still reads it ends
   * long before.
   */
  objectGraceSeconds: 24 * 3600,
  /**
   * Age beyond which an object that is named again is refreshed. It leaves more time before
   * collection than the 15 minutes of any function.
   */
  objectRenewSeconds: 12 * 3600,
  /**
   * How long an event's row is kept after the event was sent: time enough for a yearly review, and
   * for a copy elsewhere of what must be kept longer.
   */
  eventsKeptDays: 400,
  /**
   * How long an index may lack a row that was written: far more than DynamoDB needs, since what an
   * index lacks is deleted by mistake.
   */
  indexSettleSeconds: 10,
} as const;
