import { join } from 'node:path';

/**
 * Whether owners and devices can be made. An agent that is not root makes files of its own user and
 * leaves devices out.
 */
export const isRoot = process.getuid?.() === 0;

/**
 * Where a path of the tree is. With a trailing slash, lstat(2) would follow a link in place of the
 * root itself.
 */
export function pathInRoot(root: string, path: string): string {
  return path === '/' ? root : join(root, path.slice(1));
}
