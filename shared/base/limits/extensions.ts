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
} as const;
