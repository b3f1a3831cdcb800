import type { TreeEntry } from '../domain/files/index.ts';

/** The members of a module tar, product.md section 3. */
export const manifestMember = 'manifest.json';
export const digestMember = 'composefs-digest';
export const rootMember = 'rootfs';

/** composefs keeps files up to this size in its image, so their entries carry the content. */
export const inlineBytesMax = 64;

/** The content of a module tar. Nothing in it is trusted yet. */
export interface ModuleTar {
  /** The exact text of `manifest.json`. */
  manifestJson: string;
  /**
   * The digest that the archive states for its tree, 64 hex digits. `verifyModuleTar` recomputes
   * it.
   */
  claimedComposefsDigest: string;
  /**
   * The tree from `rootfs/` down, sorted by path in byte order. Files with content have `verity`
   * and `offset`.
   */
  entries: TreeEntry[];
  /** Bytes of the whole archive. */
  size: number;
}
