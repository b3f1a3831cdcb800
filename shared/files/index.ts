export { commonPath, contains, type ExamplePath, intersects, pathOutside } from './compare.ts';
export { readBytes, toBytes } from './escaped-bytes.ts';
export { compileGlob, type Glob, type GlobToken, globsAbove, literalPath } from './glob.ts';
export { GlobMatcher, matches } from './matcher.ts';
export { compileMask, type FileSelectionSpec, selectFiles } from './select.ts';
export { compareTrees, type EntryFact, type TreeDifference } from './tree-difference.ts';
