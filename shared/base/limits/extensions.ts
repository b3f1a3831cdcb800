/** Limits of extensions and of the actions that operators run. */
export const extensionsLimits = {
  /** manifest.yaml of an extension: the largest known one has 5 KB. */
  extensionManifestBytesMax: 256 * 1024,
  /** Custom actions of one extension: a page of buttons; the largest known one has six. */
  customActionsMax: 100,
  /** Parameters of one action: a form that fits on a page. */
  actionParametersMax: 50,
  /** Values that a parameter offers. */
  valueOptionsMax: 200,
  /** Seconds that an action may take. */
  actionTimeoutMax: 3600,
  /** Seconds that an action takes that names no time. */
  actionTimeoutDefault: 60,
  /** Bytes of one value: the payload of all values fits a request. */
  parameterBytesMax: 64 * 1024,
  /** Characters of a number or a date. */
  parameterWordMax: 64,
  /** Bytes of a manifest in its canonical form as JSON: it is kept in a row of the table. */
  extensionManifestJsonMax: 192 * 1024,
  /** Bytes of an archive: scripts with what they need; CloudStack's own have under 100 KB. */
  extensionArchiveBytesMax: 32 * 1024 ** 2,
  /** Milliseconds that a command fetches a manifest or archive. */
  extensionFetchMs: 60_000,
  /** Bytes of all its files, which are kept in memory. */
  extensionBytesMax: 64 * 1024 ** 2,
  /** Files, directories and links of one archive: a bundled Python library has hundreds. */
  extensionEntriesMax: 10_000,
  /** Bytes of a path: below a folder of 1,024, it stays below PATH_MAX of Linux. */
  extensionPathBytesMax: 2048,
} as const;
