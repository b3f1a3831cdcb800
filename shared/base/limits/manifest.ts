/** Limits of module manifests. */
export const manifestLimits = {
  /** manifest.json or manifest.yaml of a module: thousands of patterns fit. */
  moduleManifestBytesMax: 1024 ** 2,
  /** Paths told to `validate`: about 1 MiB of request, which Lambda (6 MiB) takes; larger modules are judged by pattern. */
  validateFilesMax: 20_000,
  /** Capabilities of one module: each is a row of the table, and real modules offer a few. */
  capabilitiesMax: 100,
  /** Neighbours whose file lists `validate` reads at once: each may take tens of megabytes. */
  validateReadsAtOnce: 4,
  /** Brackets open at once in a manifest, those in its texts counted: a level costs YAML's parser over a kilobyte. */
  manifestDepthMax: 1000,
  /** YAML aliases expanded in one manifest: people use a few, a "billion laughs" document thousands. */
  yamlAliasesMax: 100,
  /** Problems listed for one manifest: nobody reads more, and a hostile document could have a million. */
  manifestProblemsMax: 200,
  /** Conflicting paths listed in one answer: two copies of a whole system conflict in every file. */
  conflictsShownMax: 100,
  /** Products of lengths of patterns that are compared at a time, for warnings or before files are read: half a second. */
  overlapWorkMax: 2_000_000,
} as const;
