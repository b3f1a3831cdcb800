// directory.ts is not exported here: it reads local directories, and functions that import this
// file must not.
export { DumpReader } from './dump.ts';
export { dumpPieces } from './dump-format.ts';
export { FsVerity, fsVerityDigest } from './fs-verity.ts';
export { type ComposefsImage, composefsImage, imageOfTree } from './image.ts';
export type { ComposefsNode } from './node.ts';
export { readImage } from './read-image.ts';
export { listTree } from './tree-listing.ts';
