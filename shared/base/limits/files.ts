/** Limits of globs and file selections. */
export const filesLimits = {
  /** One glob; a longer one could only match paths that Linux refuses. */
  globBytesMax: 4096,
  /**
   * States, and the positions in them, that one set of globs keeps: about 50 MB. Beyond either
   * limit the set starts again without any.
   */
  globStatesMax: 10_000,
  globPositionsMax: 2_000_000,
  /**
   * Positions that one set of globs examines before it gives up, after some seconds. A hundred
   * patterns need 10,000 for all paths of a system, because states are kept. Globs and paths
   * designed for each other would need any number.
   */
  globWorkMax: 40_000_000,
  /**
   * Pairs of globs compared to avoid reading a neighbour's files. Thousands take tens of
   * milliseconds, as one read does.
   */
  globPairsMax: 5_000,
  /**
   * States that a comparison of two globs visits: under a second and 100 MB. Globs of a few hundred
   * bytes with many stars stay below.
   */
  globComparisonStatesMax: 250_000,
} as const;
