/** Limits of artifacts, layers and archives. */
export const artifactLimits = {
  /**
   * product.md, section 6. A Debian userland layer is far smaller. The ingest of a larger layer
   * would exceed the time of its Lambda.
   */
  layerBytesMax: 4 * 1024 ** 3,
  /**
   * A full Debian desktop has about 400,000 files. More could not be composed, see
   * `composeEntriesMax`.
   */
  layerEntriesMax: 600_000,
  /**
   * Bytes of a layer's files on disk, where each hard link counts as its own file: git's 150 links
   * to one program take half a GiB.
   */
  layerUnpackedBytesMax: 16 * 1024 ** 3,
  /**
   * Paths, link targets and extended attributes of one layer together, because the file index is
   * kept in memory.
   */
  layerIndexBytesMax: 128 * 1024 ** 2,
  /**
   * What a layer's tar has outside its files, compressed: 600,000 entries of a pax archive have
   * about 25 MiB. The file index of a layer with more cannot rebuild it.
   */
  layerOutsideBytesMax: 64 * 1024 ** 2,
  /**
   * One file's pax header. Linux lists at most 64 KiB of attribute names per file; real headers are
   * under 1 KiB.
   */
  paxHeaderBytesMax: 1024 ** 2,
  /**
   * What a layer records of its packages, read by a build that requires it: dpkg's lists of a full
   * Debian desktop have 20 MiB.
   */
  layerRecordsBytesMax: 64 * 1024 ** 2,
  /** An OCI manifest or index; the distribution spec asks registries for at least 4 MiB. */
  manifestBytesMax: 4 * 1024 ** 2,
  /** An image's config: Docker's are under 20 KiB. */
  imageConfigBytesMax: 1024 ** 2,
  /** Layers of an image; Docker and containerd stop at 127. */
  imageLayersMax: 127,
  /** PATH_MAX of Linux. */
  pathBytesMax: 4096,
  /** NAME_MAX of Linux. */
  nameBytesMax: 255,
  /** Platforms of one version: they are kept in one row of the table. */
  platformsMax: 50,
  /**
   * Side layers of one version: SBOM, VEX and packages list of each of five platforms. A row holds
   * their summaries, in so many bytes of JSON.
   */
  sideLayersMax: 15,
  sideLayersBytesMax: 8 * 1024,
  /** One side layer: as large as an attestation (`attestationBytesMax`). */
  sideLayerBytesMax: 8 * 1024 ** 2,
  /** A version's manifest as JSON: it is kept in a row of the table, which holds 400 KB. */
  versionManifestBytesMax: 192 * 1024,
} as const;
