export { inlineBytesMax, type ModuleTar } from './module-tar.ts';
export { type FileSink, type ReadModuleTarOptions, readModuleTar, verifyModuleTar } from './read.ts';
export { type WriteModuleTarInput, writeModuleTar } from './write.ts';
