/** Limits of composefs images and dumps. */
export const composefsLimits = {
  /**
   * Files up to this size are part of a composefs image. The value is that of mkcomposefs, so every
   * digest depends on it.
   */
  inlineFileBytesMax: 64,
  /** Content that a line of a composefs dump may hold (LCFS_INLINE_CONTENT_MAX of libcomposefs). */
  inlineContentBytesMax: 5000,
  /** One line of a composefs dump: its longest fields, escaped, are under 200 KiB. */
  dumpLineBytesMax: 1024 ** 2,
} as const;
