import { GantryError } from '../base/error.ts';
import { compareBytes, parentPath } from '../domain/files/index.ts';
import { compileGlob } from './glob.ts';
import { GlobMatcher } from './matcher.ts';

/** The part of a manifest that selects the files that a module ships. */
export interface FileSelectionSpec {
  /** Globs of files to include. */
  file_spec: readonly string[];
  /**
   * Globs of files to exclude. They win, and a directory that matches excludes everything below it.
   */
  mask: readonly string[];
}

/**
 * Returns whether globs exclude a path, or a directory above it. They decide like rsync on its way
 * down from the root.
 */
export function compileMask(
  globs: readonly string[],
): (path: string, directory: boolean) => boolean {
  const mask = new GlobMatcher(globs.map(compileGlob));
  const cutOff = new Map<string, boolean>([['/', false]]);

  function isCutOff(directory: string): boolean {
    const known = cutOff.get(directory);
    if (known !== undefined) return known;

    const answer = isCutOff(parentPath(directory)) || mask.matches(directory, true);
    cutOff.set(directory, answer);
    return answer;
  }

  return (path, directory) => isCutOff(parentPath(path)) || mask.matches(path, directory);
}

/** Returns whether the spec selects a path that is not a directory. */
function compileSelection(spec: FileSelectionSpec): (path: string) => boolean {
  const isMasked = compileMask(spec.mask);
  const fileSpec = new GlobMatcher(spec.file_spec.map(compileGlob));

  return (path) => {
    if (!path.startsWith('/') || path.endsWith('/')) {
      throw new GantryError(
        'tree_invalid',
        `expected the absolute path of a file, found ${JSON.stringify(path)}`,
      );
    }
    return !isMasked(path, false) && fileSpec.matches(path, false);
  };
}

/**
 * Returns the files that a spec selects from a tree, sorted by their bytes. These are exactly the
 * files that `rsync -a -m` copies with options to exclude each mask, to include every directory, to
 * include each file_spec and to exclude the rest, in this order. `paths` are the absolute paths of
 * everything in the tree except directories. Throws `glob_invalid`, `tree_invalid`.
 */
export function selectFiles(paths: Iterable<string>, spec: FileSelectionSpec): string[] {
  const isTaken = compileSelection(spec);
  const taken = new Set<string>();
  for (const path of paths) if (isTaken(path)) taken.add(path);
  return [...taken].sort(compareBytes);
}
