/** Limits of a preview. */
export const previewLimits = {
  /**
   * Entries of all layers of a previewed composition: they take 500 MB (bench/preview.ts), half of
   * the API's memory.
   */
  previewEntriesMax: 200_000,
  /**
   * Rows of each list of a preview: a page that people read, and well under Lambda's limit of 6 MB.
   */
  previewListMax: 1_000,
  /** Records of dpkg in a layer: about 1 KiB for each package. */
  packageRecordsBytesMax: 8 * 1024 ** 2,
  /**
   * JSON bytes of each of these lists: eleven of them, with everything else, stay under the 6 MB,
   * however long the paths are. With usual paths the limit on rows applies first.
   */
  previewListBytesMax: 400_000,
  /**
   * Instances whose rendered files a preview compares. Each is rendered twice, and those of one
   * template differ little.
   */
  previewInstancesMax: 20,
  /** Instances read to find those of the previewed track. */
  previewInstancesRead: 2_000,
  /**
   * Lines compared between the first and the last difference of two texts: under 20 ms and 20 MB if
   * all differ.
   */
  diffLinesCompared: 500,
  /** Paths that a warning about lost files names; the preview lists all of them. */
  lostPathsShown: 5,
  /**
   * Entries of all layers up to which a request composes what it only tells about, on each track: a
   * preview takes 70 ms for 1,000 entries, and API Gateway gives up after 30 s.
   */
  effectsEntriesMax: 40_000,
  /** Templates that one request tries a module in: each takes up to some seconds. */
  suitabilityPageMax: 10,
  /** After this time, a request tries its module in no further template: the next page does. */
  suitabilityWorkMs: 12_000,
  /** Characters shown of a differing line. */
  diffLineLengthMax: 300,
} as const;
