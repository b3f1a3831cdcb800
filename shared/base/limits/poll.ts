/** Limits of polling. */
export const pollLimits = {
  /** Tags asked for in one page. */
  tagPageSize: 1000,
  /**
   * Tags read of one repository: each of some ten thousand versions may have one more for its
   * signatures.
   */
  tagsMax: 50_000,
  /** Between two polls of one repository that works. */
  pollSeconds: 60,
  /** Between two polls of one that fails: doubles from `pollSeconds` up to this. */
  pollFailureMaxSeconds: 6 * 3600,
  /** How long a poll may take before another scheduler may claim the repository. */
  pollClaimSeconds: 300,
  /** Known tags are looked at again at least this often. */
  tagRecheckSeconds: 3600,
  /** New tags that one poll looks at. A repository with more is polled again immediately. */
  freshTagsMax: 500,
  /**
   * How long one poll takes up new tags before it lets others have the worker; the rest is for the
   * next poll.
   */
  pollWorkMs: 45_000,
  /**
   * Ignored tags shown of one repository: enough to see what is meant, few enough for a row of the
   * table.
   */
  ignoredTagsShown: 200,
  /** Tags kept at one digest; further ones are known, and change nothing. */
  tagsPerDigestMax: 200,
  /** Candidates that one request for a poll has verified again. */
  requestedVerificationsMax: 100,
  /**
   * Known tags looked at again in one poll at least, where so many are due; the more there are, the
   * more it is.
   */
  tagRechecksMax: 20,
  /**
   * Due repositories, and candidates, that one scheduler run reads: some ten seconds of claims and
   * messages.
   */
  pollsPerRun: 10_000,
  /** Claims of a scheduler run on their way at the same time. */
  claimsAtOnce: 64,
  /** How long a scheduler run hands out, so that it ends before the next begins. */
  scheduleWorkMs: 50_000,
} as const;
