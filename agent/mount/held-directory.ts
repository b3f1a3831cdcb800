import {
  chmodSync,
  closeSync,
  constants,
  lchownSync,
  mkdirSync,
  openSync,
  readFileSync,
} from 'node:fs';
import { errnoOf } from '../failure.ts';

/**
 * A directory that is held open. Its name keeps its meaning whatever happens to its path: services
 * write here while the agent works as root. Programs that the agent starts can use the name too.
 */
interface HeldDirectory {
  file: number;
  name: string;
  mount: string;
}

/** What `withParent` passes on: names of directories that are held open. */
export interface HeldParent {
  /** The directory that holds the path. */
  parent: string;
  /** The highest directory above the path, not above `top`, on the same mount as `parent`. */
  base: string;
}

/**
 * Opens the directory that holds a path, part by part below `top`, so that no link leads out of it.
 * At most three directories are open at a time, however deep the path is.
 *
 * @returns what `use` returns; undefined when a part is missing or is no directory.
 */
export async function withParent<T>(
  top: string,
  path: string,
  use: (held: HeldParent) => Promise<T>,
): Promise<T | undefined> {
  const opened: HeldDirectory[] = [];
  try {
    let base = open(top, opened);
    let parent = base;

    for (const part of path.split('/').slice(1, -1)) {
      const next = open(`${parent.name}/${part}`, opened);
      if (parent !== base) close(parent, opened);
      if (next.mount !== base.mount) {
        close(base, opened);
        base = next;
      }

      parent = next;
    }

    return await use({ parent: parent.name, base: base.name });
  } catch (error) {
    if (error instanceof NotADirectory) return undefined;
    throw error;
  } finally {
    for (const { file } of opened) closeSync(file);
  }
}

/** A directory to make, by its path below `top`. */
export interface NewDirectory {
  path: string;
  mode: number;
  uid: number;
  gid: number;
}

/**
 * Makes a directory where nothing is yet. What is there stays as it is, and where the directory
 * above is missing nothing is made. No link is followed, also not one that takes its place since.
 */
export async function makeDirectory(
  top: string,
  { path, mode, uid, gid }: NewDirectory,
): Promise<void> {
  await withParent(top, path, async ({ parent }) => {
    const made = `${parent}/${path.slice(path.lastIndexOf('/') + 1)}`;
    try {
      mkdirSync(made, { mode: 0o700 });
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return;
      throw error;
    }

    lchownSync(made, uid, gid);
    await withParent(made, '/x', async (held) => chmodSync(held.parent, mode));
  });
}

class NotADirectory extends Error {}

function open(path: string, opened: HeldDirectory[]): HeldDirectory {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) throw error;
    throw new NotADirectory(path, { cause: error });
  }

  // The device number would not do: a bind mount has that of its file system.
  const mount = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${file}`, 'utf8'));
  const held = { file, name: `/proc/${process.pid}/fd/${file}`, mount: mount?.[1] ?? '' };
  opened.push(held);
  return held;
}

function close(held: HeldDirectory, opened: HeldDirectory[]): void {
  opened.splice(opened.indexOf(held), 1);
  closeSync(held.file);
}
