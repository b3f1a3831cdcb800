/** Limits of a composition. */
export const composeLimits = {
  /**
   * Entries of all layers of a composition: 400,000 take 830 MB and 6 s, and the function has 1.7
   * GB.
   */
  composeEntriesMax: 600_000,
  /**
   * Bytes of a template's files that are rendered, and of what is rendered for one machine:
   * configuration, of a few KB each. All are in each desired state, as base64.
   */
  renderedBytesMax: 8 * 1024 ** 2,
  /**
   * Versions tried in one dependency resolution, 256 questions whether a version meets a demand
   * counting as one: real sets need about one a module, a pathological one takes seconds.
   */
  resolutionStepsMax: 50_000,
  /**
   * Modules that any version within reach of a template may lead to: each is some reads, and a row
   * that notes the look. The names of all, at most 127 bytes each, stand in one row of the table,
   * which holds 400 KB.
   */
  consideredModulesMax: 3_000,
  /**
   * Modules of one template with all that they require; the search goes as deep as there are
   * modules.
   */
  resolutionModulesMax: 2_000,
  /**
   * Demands and versions named of modules that cannot be had, and modules of one chain of
   * requirements: what people read.
   */
  clashDemandsShown: 5,
  clashVersionsShown: 20,
  chainStepsShown: 12,
} as const;
