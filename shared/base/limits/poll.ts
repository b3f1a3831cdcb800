/** Limits of polling. */
export const pollLimits = {
  /** Tags requested per page. */
  tagPageSize: 1000,
  /**
   * Tags read of one repository that can name versions. Tags of signatures and ignored tags do not
   * count.
   */
  tagsMax: 50_000,
  /** Pages read of one list: 100,000 tags where a registry gives a hundred a page. */
  tagPagesMax: 1_000,
  /** How long one poll reads a list, so that it has time for tags too. */
  tagListMs: 40_000,
  /**
   * Modules of one repository that one poll reads for: about two seconds of writes. The next poll
   * begins with the others.
   */
  sharersMax: 200,
  /** Time between two polls of a repository that works. */
  pollSeconds: 60,
  /**
   * Longest time between two polls of a repository that fails. The time doubles from `pollSeconds`.
   */
  pollFailureMaxSeconds: 6 * 3600,
  /** How long a poll may take before another scheduler may claim the repository. */
  pollClaimSeconds: 300,
  /** Known tags are checked again at least this often. */
  tagRecheckSeconds: 3600,
  /** New tags that one poll checks. A repository with more is polled again immediately. */
  freshTagsMax: 500,
  /**
   * How long one poll processes new tags before others get the worker. The next poll processes the
   * rest.
   */
  pollWorkMs: 45_000,
  /**
   * Ignored tags shown per repository: enough to see the problem, few enough for a row of the
   * table.
   */
  ignoredTagsShown: 200,
  /** Unreadable tags shown per module, and what is kept of the reason of each. */
  unreadableTagsShown: 100,
  unreadableTagTextMax: 500,
  /** Tags per poll whose lost connection is noted as theirs; one more is the registry's failure. */
  tagConnectionsLostMax: 1,
  /** Tags kept per digest. Further ones are known and change nothing. */
  tagsPerDigestMax: 200,
  /** Candidates that one requested poll verifies again. */
  requestedVerificationsMax: 100,
  /**
   * Known tags that one poll checks again, if that many are due. A repository with very many tags
   * checks more.
   */
  tagRechecksMax: 20,
  /**
   * Due repositories, and candidates, that one scheduler run reads: about ten seconds of claims and
   * messages.
   */
  pollsPerRun: 10_000,
  /** Concurrent claims of a scheduler run. */
  claimsAtOnce: 64,
  /** How long a scheduler run sends messages, so that it ends before the next one begins. */
  scheduleWorkMs: 50_000,
  /**
   * Time between two polls of a repository on request. Each may verify a hundred candidates again,
   * and anyone who may push can ask.
   */
  pollRequestSeconds: 2,
} as const;
