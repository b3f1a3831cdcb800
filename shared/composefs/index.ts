export { FsVerity, fsVerityDigest } from './fs-verity.ts';
