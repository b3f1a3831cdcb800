import type { TreeEntry } from '../domain/files/index.ts';

/** The members of a module tar, product.md section 3. */
export const manifestMember = 'manifest.json';
export const digestMember = 'composefs-digest';
export const rootMember = 'rootfs';

/**
 * composefs keeps files of up to this many bytes in its image, so an entry carries their content.
 */
export const inlineBytesMax = 64;

/** What a module tar holds, with nothing in it trusted yet. */
export interface ModuleTar {
  /** The exact text of `manifest.json`. */
  manifestJson: string;
  /** The digest the archive states for its tree, 64 hex digits; `verifyModuleTar` recomputes it. */
  claimedComposefsDigest: string;
  /**
   * The tree below and with `rootfs/`, byte-wise by path; files with content carry `verity` and
   * `offset`.
   */
  entries: TreeEntry[];
  /** Bytes of the whole archive. */
  size: number;
}
