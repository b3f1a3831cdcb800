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
 * Images a tree of entries, byte for byte as `mkcomposefs` with default options does from a
 * directory that holds it: files of 1 to 64 bytes are kept in the image, longer ones are named by
 * their fs-verity digest, hard links are inodes of their own, a directory's size and links follow
 * from what it holds.
 *
 * Entries may come in any order; `/` and every ancestor must be among them. What cannot be imaged
 * throws GantryError `tree_invalid` with the path as `field`.
 */
export function composefsImage(entries: Iterable<TreeEntry>): ComposefsImage {
  return imageOfTree(nodeFromEntries(entries));
}

/** Images a tree as read from a dump or a directory; the tree is left as it is. */
export function imageOfTree(root: ComposefsNode): ComposefsImage {
  const image = writeErofs(layOut(overlayTree(root)));
  return { image, digest: fsVerityDigest(image) };
}
