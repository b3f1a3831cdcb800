import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GantryError } from '../shared/base/error.ts';

/**
 * Requires that nothing is mounted at or below a path, before the agent removes or moves it. The
 * device number of a file cannot tell: a bind mount of the same file system has the same one.
 *
 * @param path Its last part is not followed when it is a link.
 * @throws `mount_found` with the mount point; the system's error when the mounts cannot be read.
 */
export async function requireNoMounts(path: string): Promise<void> {
  const real = join(await realpath(dirname(path)), basename(path));
  const [mount] = await findMounts(real);
  if (mount !== undefined) throw mountFoundError(path, mount);
}

/** The mount points at or below a real path, as this process sees them (proc_pid_mountinfo(5)). */
async function findMounts(real: string): Promise<string[]> {
  // Paths are bytes: latin1 keeps each of them.
  const table = await readFile('/proc/self/mountinfo', 'latin1');
  const top = Buffer.from(real).toString('latin1');

  return table
    .split('\n')
    .map((line) => unescapeOctal(line.split(' ')[4] ?? ''))
    .filter((point) => point === top || point.startsWith(`${top}/`))
    .map((point) => Buffer.from(point, 'latin1').toString());
}

/** The kernel writes white space and backslashes as `\` and three octal digits. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

export function mountFoundError(path: string, mount: string): GantryError {
  return new GantryError(
    'mount_found',
    `${path} stays: expected no mount at or below it, found one at ${mount}. Unmount it first.`,
    { field: mount },
  );
}
