/** Limits of a preview. */
export const previewLimits = {
  /**
   * Entries of all layers of a previewed composition: so many take 500 MB (bench/preview.ts), half
   * of what the API has.
   */
  previewEntriesMax: 200_000,
  /**
   * Rows of each list of a preview: a page that people read, and well under the 6 MB that Lambda
   * returns.
   */
  previewListMax: 1_000,
  /**
   * JSON bytes of each of these lists: eleven of them, with all else, stay under the 6 MB, however
   * long the paths are. Paths of usual length reach the rows first.
   */
  previewListBytesMax: 400_000,
  /**
   * Instances whose rendered files a preview compares: each is rendered twice; those of one
   * template differ little.
   */
  previewInstancesMax: 20,
  /** Instances read to find those of the previewed track. */
  previewInstancesRead: 2_000,
  /**
   * Lines compared between the first and the last difference of two texts: under 20 ms and 20 MB
   * where all differ.
   */
  diffLinesCompared: 500,
  /** Characters shown of a line that differs. */
  diffLineLengthMax: 300,
} as const;
