/** Limits of accounts and their roots. */
export const accountsLimits = {
  /**
   * Life of an account's root metadata. It is rotated long before, and the life covers long outages
   * of Gantry.
   */
  accountRootDays: 3650,
  /**
   * Modules of one account that are polled. If each has a repository of its own, they ask for 33
   * lists of tags a second: more than one host on the internet gets, whose polls then come later.
   */
  accountPolledModulesMax: 2000,
  /** First wait after a failed attempt to make an account; it doubles with each. */
  accountRetrySeconds: 10,
  /** The longest such wait. */
  accountRetryMaxSeconds: 600,
  /** After this time without success, an account is not tried again: a person must look. */
  accountCreationSeconds: 24 * 3600,
  /** Time after which an attempt counts as dead: longer than the time-out of any function in it. */
  accountAttemptSeconds: 120,
  /** Due accounts in one run of the sweep. */
  creationsPerRun: 100,
  /** Life of an invitation: long enough for a holiday, short for a link that lies in a mailbox. */
  invitationDays: 7,
  /** A token's last use is written at most this often: it is for people, not for accounting. */
  tokenUseSeconds: 3600,
  /** Groups of one member: more than the policies of one account tell apart. */
  memberGroupsMax: 20,
  /** Mails to the people of one account that are sent concurrently; SES takes 14 a second. */
  mailsAtOnce: 10,
  /** Time after which a process that should mail people counts as dead: longer than an API call. */
  noticeSeconds: 60,
  /** Notices that one run of the sweep sends: each is some mails, and a run has a minute. */
  noticesPerRun: 20,
  /** Characters of a mail's subject: mail programs show fewer. */
  mailSubjectMax: 200,
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
