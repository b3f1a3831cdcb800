import { isGantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { ancestorPaths } from '../domain/files/index.ts';
import { compileGlob, type Glob, GlobMatcher, intersects, literalPath } from '../files/index.ts';

/**
 * Returns those of `theirs` that match a path which one of `ours` also matches. Globs that are too
 * complex or too many to compare count as matching: the files decide, if they are known.
 */
export function findMeetings(ours: readonly string[], theirs: readonly string[]): string[] {
  const compiled = ours.map(compileGlob);
  let work = 0;

  return [...new Set(theirs)].filter((glob) => {
    const other = compileGlob(glob);
    return compiled.some((mine) => {
      work += mine.tokens.length * other.tokens.length;
      return work > limits.overlapWorkMax || canMeet(mine, other);
    });
  });
}

/** Returns a glob, and globs for the directories that may contain its matches. */
export function withAncestors(glob: string): string[] {
  if (!glob.startsWith('/')) return ['/**'];

  const components = glob.split('/');
  const wild = components.findIndex((component) => /[*?[\\]/.test(component));
  const fixed = components.slice(0, wild === -1 ? components.length : wild).join('/') || '/';

  return [
    glob,
    ...ancestorPaths(`${fixed}/_`).slice(1),
    ...(wild === -1 ? [] : [`${fixed === '/' ? '' : fixed}/**`]),
  ];
}

function canMeet(a: Glob, b: Glob): boolean {
  try {
    return intersects(a, b);
  } catch (error) {
    if (isGantryError(error, 'glob_too_complex')) return true;
    throw error;
  }
}

/** Returns the paths of those globs that match exactly one path. */
export function listLiteralPaths(globs: readonly string[]): string[] {
  return globs.flatMap((glob) => literalPath(compileGlob(glob)) ?? []);
}

export function escapeGlob(path: string): string {
  return path.replace(/[*?[\\]/g, '\\$&');
}

export function compileMatcher(globs: readonly string[]): GlobMatcher {
  return new GlobMatcher(globs.map(compileGlob));
}
