import type { TreeEntry } from '../domain/files/index.ts';
import { nodeFromEntries } from './entries.ts';
import { writeErofs } from './erofs.ts';
import { fsVerityDigest } from './fs-verity.ts';
import { layOut } from './layout.ts';
import type { ComposefsNode } from './node.ts';
import { overlayTree } from './overlay.ts';

/** A composefs image and its fs-verity digest, 64 hex digits: the composefs digest of the tree. */
export interface ComposefsImage {
  image: Uint8Array;
  digest: string;
}

/**
 * Makes the image of a tree of entries. It is byte for byte the image that `mkcomposefs` with
 * default options makes from a directory with the same content. The image contains files of 1 to 64
 * bytes and names longer ones by their fs-verity digest. Each hard link is its own inode. The size
 * and link count of a directory follow from its content.
 *
 * Entries may come in any order. They must include `/` and every ancestor.
 * @throws GantryError `tree_invalid` with the path as `field` when the tree cannot become an image
 */
export function composefsImage(entries: Iterable<TreeEntry>): ComposefsImage {
  return imageOfTree(nodeFromEntries(entries));
}

/** Makes the image of a tree that was read from a dump or a directory. The tree stays unchanged. */
export function imageOfTree(root: ComposefsNode): ComposefsImage {
  const image = writeErofs(layOut(overlayTree(root)));
  return { image, digest: fsVerityDigest(image) };
}
