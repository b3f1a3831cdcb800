import { ancestorPaths, compareBytes, parentPath, type TreeEntry } from '../domain/tree.ts';
import { GantryError } from '../error.ts';
import { compileGlob } from './glob.ts';
import { GlobMatcher } from './matcher.ts';

/** The part of a manifest that says which files of a tree a module ships. */
export interface FileSelectionSpec {
  /** Globs of what is taken. */
  file_spec: readonly string[];
  /** Globs of what is left out; they win, and a directory that matches cuts off all that is below it. */
  mask: readonly string[];
}

/** Judges single paths by a spec whose globs were compiled once. */
export interface FileSelection {
  /** Whether a path that is not a directory (symlinks to directories are not) is taken. */
  selects(path: string): boolean;
}

/** Compiles a spec. Throws `glob_invalid`. */
export function compileSelection(spec: FileSelectionSpec): FileSelection {
  const mask = new GlobMatcher(spec.mask.map(compileGlob));
  const fileSpec = new GlobMatcher(spec.file_spec.map(compileGlob));
  const cutOff = new Map<string, boolean>([['/', false]]);

  function isCutOff(directory: string): boolean {
    const known = cutOff.get(directory);
    if (known !== undefined) return known;
    const answer = isCutOff(parentPath(directory)) || mask.matches(directory, true);
    cutOff.set(directory, answer);
    return answer;
  }

  return {
    selects(path) {
      if (!path.startsWith('/') || path.endsWith('/')) {
        throw new GantryError('tree_invalid', `expected the absolute path of a file, found ${JSON.stringify(path)}`);
      }
      return !isCutOff(parentPath(path)) && !mask.matches(path, false) && fileSpec.matches(path, false);
    },
  };
}

/**
 * The files that a spec takes from a tree, sorted by their bytes: exactly those that `rsync -a -m` copies when it is told
 * to exclude each mask, to include every directory, to include each file_spec and to exclude the rest, in this order.
 * `paths` are the absolute paths of everything in the tree that is not a directory. Throws `glob_invalid`, `tree_invalid`.
 */
export function selectFiles(paths: Iterable<string>, spec: FileSelectionSpec): string[] {
  const selection = compileSelection(spec);
  const taken = new Set<string>();
  for (const path of paths) if (selection.selects(path)) taken.add(path);
  return [...taken].sort(compareBytes);
}

/**
 * The entries that a spec takes from a tree, sorted by the bytes of their paths: the files that `selectFiles` takes, the
 * directories above them, and the root where the tree has one. Directories that end up empty are left out, as rsync's `-m` does.
 */
export function selectTree(entries: Iterable<TreeEntry>, spec: FileSelectionSpec): TreeEntry[] {
  const selection = compileSelection(spec);
  const all = [...entries];
  const needed = new Set<string>(['/']);
  const files = all.filter((entry) => entry.type !== 'directory' && selection.selects(entry.path));
  for (const file of files) for (const ancestor of ancestorPaths(file.path)) needed.add(ancestor);
  const directories = all.filter((entry) => entry.type === 'directory' && needed.has(entry.path));
  return [...directories, ...files].sort((a, b) => compareBytes(a.path, b.path));
}
