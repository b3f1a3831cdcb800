import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Names of what a mounted generation is made from, in one directory. */
export const parts = { image: 'image', erofs: 'erofs', top: 'top', data: 'data' } as const;

/**
 * Mounts a composition read-only: the files that only this machine has, above the signed image,
 * above the store, which holds the contents that the image names (overlayfs, "data-only" lower
 * layers). The mount of the image is needed only until the overlay holds it.
 *
 * All paths are relative to `dir`: an option of mount(8) cannot hold every character of a path, and
 * Linux 6.5 to 6.7 take at most 255 of them.
 *
 * @param source The name that the mount table shows.
 */
export async function mountComposition(options: {
  dir: string;
  /** The directory with `parts`, below `dir`. */
  from: string;
  store: string;
  into: string;
  source: string;
}): Promise<void> {
  const { dir, from, store, into, source } = options;
  const erofs = `${from}/${parts.erofs}`;
  const lower = `lowerdir=${from}/${parts.top}:${erofs}::${store}`;
  const overlay = ['-t', 'overlay', '-o', `ro,${lower},metacopy=on,redirect_dir=on`];

  await run('mount', ['-t', 'erofs', '-o', 'ro', `${from}/${parts.image}`, erofs], { cwd: dir });
  try {
    // Private: a service that has this root keeps what is mounted in it.
    await run('mount', [...overlay, '--make-private', source, into], { cwd: dir });
  } finally {
    await unmount(`${dir}/${erofs}`);
  }
}

/**
 * Shows a directory, with what is mounted in it, also at `point`. What is mounted there later shows
 * up at `point` too, and nothing that is unmounted at `point` disappears elsewhere.
 *
 * @param directory A name that can be followed to nothing else, as mount(8) follows links.
 */
export async function bindTree(directory: string, point: string): Promise<void> {
  await run('mount', ['--no-canonicalize', '--rbind', '--make-rslave', directory, point]);
}

/** A crash between the two steps of `bindTree` leaves a mount whose removal would spread. */
export async function stopSpreading(point: string): Promise<void> {
  await run('mount', ['--make-rslave', point]);
}

/** Keeps a tree of mounts as it is, whatever is unmounted where it comes from. */
export async function detachTree(point: string): Promise<void> {
  await run('mount', ['--make-rprivate', point]);
}

export async function makeReadOnly(point: string): Promise<void> {
  await run('mount', ['-o', 'remount,bind,ro', point]);
}

/** Never lazily: what is in use stays. */
export async function unmount(point: string): Promise<void> {
  await run('umount', ['--no-canonicalize', point]);
}
