import { z } from 'zod';

/**
 * A tree of files: the files of a module, the content of a composefs image, a composition, or the
 * root file system that an agent lays out. Plain JSON, so it is also what a file index stores.
 */
export const entryTypes = ['directory', 'file', 'symlink', 'character', 'block', 'fifo'] as const;

export type EntryType = (typeof entryTypes)[number];

export const treeEntry = z.strictObject({
  /**
   * Absolute path in the tree, UTF-8, `/`-separated, no trailing slash, no `.` or `..`; the root
   * itself is `/`.
   */
  path: z.string(),
  type: z.enum(entryTypes),
  /** Permission bits with set-uid, set-gid and sticky: 0 to 0o7777. */
  mode: z.int(),
  uid: z.int(),
  gid: z.int(),
  /**
   * Modification time: whole seconds since 1970 (may be negative) and nanoseconds 0 to 999,999,999.
   */
  mtime: z.int(),
  mtime_ns: z.int(),
  /** Bytes of a file, bytes of a symlink's target, else 0. */
  size: z.int(),
  /** Symlinks only: the target, data that nothing follows. */
  target: z.string().exactOptional(),
  /**
   * Character and block devices only: Linux's 32-bit encoding of major and minor
   * (`new_encode_dev`).
   */
  rdev: z.int().exactOptional(),
  /** Extended attributes, name → base64 of the value. Absent when there are none. */
  xattrs: z.record(z.string(), z.string()).exactOptional(),
  /**
   * Files of 1 to 64 bytes only: base64 of the content, because composefs keeps such files in the
   * image.
   */
  content: z.string().exactOptional(),
  /** Files with content: fs-verity SHA-256 digest (4 KiB blocks, no salt), 64 hex digits. */
  verity: z.string().exactOptional(),
  /** Files with content in a module tar: the offset of their bytes in the tar. */
  offset: z.int().exactOptional(),
});

export type TreeEntry = z.infer<typeof treeEntry>;

/** An empty file of root, at time 0. */
export const plainFile = {
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtime_ns: 0,
  size: 0,
} as const;

/** A directory of root, at time 0: what Docker and containerd give to one without an entry. */
export const plainDirectory = { ...plainFile, type: 'directory', mode: 0o755 } as const;

/**
 * Compares strings by their UTF-8 bytes. (UTF-16 order, which `<` gives, differs beyond the basic
 * plane.)
 */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);

    if (x !== y) {
      // Surrogates sort above every other unit in UTF-8, as their code points do.
      const xs = x >= 0xd800 && x < 0xe000;
      const ys = y >= 0xd800 && y < 0xe000;
      if (xs !== ys) return xs ? 1 : -1;
      return x - y;
    }
  }

  return a.length - b.length;
}

/** The parent of an absolute path: `/etc/redis` → `/etc`, `/etc` → `/`. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** All proper ancestors of an absolute path, the root first: `/a/b/c` → `/`, `/a`, `/a/b`. */
export function ancestorPaths(path: string): string[] {
  if (path === '/') return [];
  const out = ['/'];
  for (let i = path.indexOf('/', 1); i !== -1; i = path.indexOf('/', i + 1))
    out.push(path.slice(0, i));
  return out;
}

/**
 * Formats a path for a sentence or a column: it is quoted if it could be read as more than one
 * word.
 */
export function shownPath(path: string): string {
  return /[\s"\p{Cc}\p{Cf}]/u.test(path) ? JSON.stringify(path) : path;
}
