/** Limits of composefs images and dumps. */
export const composefsLimits = {
  /**
   * Files up to this size are kept in a composefs image; mkcomposefs' own value, so it is part of
   * every digest.
   */
  inlineFileBytesMax: 64,
  /** Content that a line of a composefs dump may hold (LCFS_INLINE_CONTENT_MAX of libcomposefs). */
  inlineContentBytesMax: 5000,
  /** One line of a composefs dump: its longest fields, escaped, are under 200 KiB. */
  dumpLineBytesMax: 1024 ** 2,
} as const;
