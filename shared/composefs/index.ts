export { FsVerity, fsVerityDigest } from './fs-verity.ts';
export { type ComposefsImage, composefsImage } from './image.ts';
