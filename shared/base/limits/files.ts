/** Limits of globs and file selections. */
export const filesLimits = {
  /** One glob; a longer one could only match paths that Linux refuses. */
  globBytesMax: 4096,
  /**
   * States and their positions that one set of globs keeps, some 50 MB; past either the set starts
   * again with none.
   */
  globStatesMax: 10_000,
  globPositionsMax: 2_000_000,
  /**
   * Positions that one set of globs looks at before it gives up, some seconds: a hundred patterns
   * need 10,000 for all paths of a system, since states are kept; globs and paths that were made
   * for each other would need any number.
   */
  globWorkMax: 40_000_000,
  /**
   * Pairs of globs compared to spare reading a neighbour's files: thousands take some tens of
   * milliseconds, as a read does.
   */
  globPairsMax: 5_000,
  /**
   * States that a comparison of two globs visits, under a second and 100 MB: globs of a few hundred
   * bytes with many stars stay below.
   */
  globComparisonStatesMax: 250_000,
} as const;
