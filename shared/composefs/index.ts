// directory.ts is not exported here. It reads local directories, which functions that import this
// file must not do.
export { DumpReader } from './dump.ts';
export { dumpPieces } from './dump-format.ts';
export { FsVerity, fsVerityDigest } from './fs-verity.ts';
export { type ComposefsImage, composefsImage, imageOfTree } from './image.ts';
export type { ComposefsNode } from './node.ts';
export { readImage } from './read-image.ts';
export { listTree } from './tree-listing.ts';
