export { flatEntries, flattenImage } from './flatten.ts';
export { ImageTree } from './image-tree.ts';
export type { FileSink } from './member.ts';
export { inlineBytesMax, type ModuleTar } from './module-tar.ts';
export { type ReadModuleTarOptions, readModuleTar, verifyModuleTar } from './read.ts';
export { readTreeTar } from './read-tree.ts';
export { type WriteModuleTarInput, writeModuleTar } from './write.ts';
export { zstdFrames } from './zstd-frames.ts';
