/** Limits of a composition. */
export const composeLimits = {
  /**
   * Entries of all layers of a composition. 400,000 take 830 MB and 6 s, and the function has 1.7
   * GB.
   */
  composeEntriesMax: 600_000,
  /**
   * Bytes of a template's files to render, and of the result for one machine: configuration files
   * of a few KB each. Each desired state contains all of them as base64.
   */
  renderedBytesMax: 8 * 1024 ** 2,
  /**
   * Bytes of the files that the generated layer is made from: records of packages, a KiB each, and
   * user databases.
   */
  neededFilesBytesMax: 32 * 1024 ** 2,
  /** Bytes between two files of a layer that one read gets: a read takes as long as 100 KB. */
  layerReadGapBytes: 64 * 1024,
  /**
   * Privileges that one change brings onto a track: people read each. Their row has room for 490
   * bytes of each.
   */
  newPrivilegesMax: 125,
  /** Privileges that a track is granted beside those in place; the row has room for 230. */
  grantedPrivilegesMax: 200,
  /** Characters of the sentence of a privilege. */
  privilegeLengthMax: 240,
  /**
   * Versions tried in one dependency resolution; 256 checks of a version against a demand count as
   * one. Real sets need about one per module, and a pathological one ends within seconds.
   */
  resolutionStepsMax: 50_000,
  /**
   * Modules that any version within reach of a template may lead to. Each costs some reads and a
   * row that records it. One row holds all names, at most 127 bytes each, and has room for 400 KB.
   */
  consideredModulesMax: 3_000,
  /**
   * Modules of one template with all that they require. The search is as deep as there are modules.
   */
  resolutionModulesMax: 2_000,
  /**
   * What an error shows to people: demands on a module, versions of it, and modules of one chain of
   * requirements.
   */
  clashDemandsShown: 5,
  clashVersionsShown: 20,
  chainStepsShown: 12,
} as const;
