/** Limits of module manifests. */
export const manifestLimits = {
  /** manifest.json or manifest.yaml of a module: thousands of patterns fit. */
  moduleManifestBytesMax: 1024 ** 2,
  /**
   * Paths in a request to `validate`: about 1 MiB of the 6 MiB that Lambda accepts. Larger modules
   * are compared by pattern.
   */
  validateFilesMax: 20_000,
  /** Capabilities of one module: each is a row of the table, and real modules offer a few. */
  capabilitiesMax: 100,
  /** Commands that a machine looks up for one module: Powernode's own limit. */
  manifestProbesMax: 32,
  /** Effects of one manifest that people see: a page; real modules have some ten. */
  effectsMax: 100,
  /** Characters of one of them: a long command line. */
  effectLengthMax: 300,
  /** The highest port of TCP, UDP and SCTP. */
  portMax: 2 ** 16 - 1,
  /** The highest user and group id of Linux: the one above it means "none". */
  userIdMax: 2 ** 32 - 2,
  /** Neighbours whose file lists `validate` reads concurrently: each may need tens of megabytes. */
  validateReadsAtOnce: 4,
  /**
   * Depth of brackets in a manifest, including those in its texts: each level costs the YAML parser
   * over a kilobyte.
   */
  manifestDepthMax: 1000,
  /**
   * YAML aliases expanded in one manifest: people use a few, a "billion laughs" document uses
   * thousands.
   */
  yamlAliasesMax: 100,
  /**
   * Problems listed for one manifest: no one reads more, and a hostile document could have a
   * million.
   */
  manifestProblemsMax: 200,
  /**
   * Conflicting paths listed in one response: two copies of a whole system conflict in every file.
   */
  conflictsShownMax: 100,
  /**
   * Products of pattern lengths in one comparison, for warnings or before files are read: half a
   * second.
   */
  overlapWorkMax: 2_000_000,
} as const;
