/** Limits of operations. */
export const operationsLimits = {
  /** Characters of the reason for a failed task of Step Functions, which sets this limit. */
  taskCauseLengthMax: 32_768,
  /**
   * After this time without a change, the sweep checks whether the execution of an operation still
   * runs.
   */
  operationIdleSeconds: 60,
  /**
   * Time until the sweep checks a running execution again: thousands may wait for approval, for
   * days.
   */
  operationLookSeconds: 600,
  /**
   * How often a change is composed again because a template changed before it was applied. Each
   * time takes some seconds.
   */
  planRoundsMax: 10,
  /**
   * Writes of all changes of one operation. DynamoDB allows 100 in one transaction, and one is the
   * operation's own.
   */
  operationWritesMax: 99,
  /**
   * Templates whose revisions one transaction checks. DynamoDB allows 100 writes, and the change
   * itself needs up to ten.
   */
  plannedTemplatesMax: 80,
  /**
   * Tracks of templates that one change composes. Their list is part of the input of an execution,
   * at most 256 KiB.
   */
  templateTracksMax: 3000,
  /** Rows of each list that reviewers see of a request: a page that people read. */
  reviewedListMax: 100,
  /** Changes of one request that reviewers see in full; each may read the files of two versions. */
  reviewedChangesMax: 20,
  /** Characters of one line of a change in a mail; the page has all of it. */
  mailedFactMax: 300,
  /** Privileges that a mail lists; the page has all of them. */
  mailedPrivilegesMax: 20,
  /** Characters of a manifest's field that reviewers see. */
  reviewedValueMax: 2000,
  /** Assignments that one request lists. The changes of one operation have limits of their own. */
  replacedAssignmentsMax: 1000,
  /**
   * Versions that the dry run of a change of trust judges besides those in use: some milliseconds
   * each.
   */
  trustLossesJudgedMax: 200,
  /** Versions of one dependency that people refused and that are not proposed again. */
  rejectedProposalsMax: 50,
  /**
   * Time until an update of a dependency is proposed again that could not be composed or applied: a
   * template may be composed often, and most of the time nothing that matters changed.
   */
  proposalRetrySeconds: 3600,
  /** Addresses that a request keeps of those that no mail reached. */
  unmailedMax: 50,
  /** The longest time that a policy leaves to reviewers: a month, with holidays in it. */
  approvalSecondsMax: 30 * 24 * 3600,
  /** Characters of a policy's value in a summary, which is a row's field and a mail's subject. */
  policyValueMax: 300,
  /** Values of each list of a policy. */
  policyListMax: 20,
  /** Freeze windows, one after the other, before a freeze is said to have no end in sight. */
  freezeSpansMax: 100,
  /** Executions of one operation that die before it fails. */
  operationAttemptsMax: 5,
} as const;
