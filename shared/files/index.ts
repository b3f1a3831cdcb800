export { compileGlob, type Glob, type GlobToken } from './glob.ts';
export { GlobMatcher, matches } from './matcher.ts';
export { compileSelection, type FileSelection, type FileSelectionSpec, selectFiles, selectTree } from './select.ts';
