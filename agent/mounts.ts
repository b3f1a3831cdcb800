import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GantryError } from '../shared/base/error.ts';

/** A line of the mount table (proc_pid_mountinfo(5)). */
export interface Mount {
  /** `major:minor` of what is mounted. */
  device: string;
  /** The path in the mounted file system that shows at `point`. */
  root: string;
  /** Where it is mounted: a real path. */
  point: string;
  type: string;
  source: string;
}

/**
 * Requires that nothing is mounted at or below a path, before the agent removes or moves it. The
 * device number of a file cannot tell: a bind mount of the same file system has the same one.
 *
 * @param path Its last part is not followed when it is a link.
 * @throws `mount_found` with the mount point; the system's error when the mounts cannot be read.
 */
export async function requireNoMounts(path: string): Promise<void> {
  const real = await realName(path);
  const mount = (await readMounts()).find(({ point }) => isAtOrBelow(point, real));
  if (mount !== undefined) throw mountFoundError(path, mount.point);
}

/** The real path of a name whose last part is not followed when it is a link. */
export async function realName(path: string): Promise<string> {
  return join(await realpath(dirname(path)), basename(path));
}

export function isAtOrBelow(path: string, top: string): boolean {
  return path === top || path.startsWith(`${top}/`);
}

/** The mounts that a process sees, in the order of their making. */
export async function readMounts(process: string | number = 'self'): Promise<Mount[]> {
  // Paths are bytes: latin1 keeps each of them.
  const table = await readFile(`/proc/${process}/mountinfo`, 'latin1');
  return table
    .split('\n')
    .filter((line) => line !== '')
    .map(readMount);
}

function readMount(line: string): Mount {
  const fields = line.split(' ');
  // Optional fields end with a hyphen.
  const end = fields.indexOf('-', 6);
  const field = (index: number) => unescapeOctal(fields[index] ?? '');

  return {
    device: field(2),
    root: field(3),
    point: field(4),
    type: field(end + 1),
    source: field(end + 2),
  };
}

/** The kernel writes white space and backslashes as `\` and three octal digits. */
function unescapeOctal(text: string): string {
  const bytes = text.replaceAll(/\\([0-7]{3})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );

  return Buffer.from(bytes, 'latin1').toString();
}

/** What the mount table says is at a real path. */
export function locateMounted(
  table: readonly Mount[],
  path: string,
): Pick<Mount, 'device' | 'root'> {
  const holder = table
    .filter(({ point }) => point === '/' || isAtOrBelow(path, point))
    // Of two mounts at one point, the later one shows.
    .reduce((a, b) => (b.point.length >= a.point.length ? b : a));
  const below = path.slice(holder.point === '/' ? 0 : holder.point.length);
  return { device: holder.device, root: holder.root === '/' ? below || '/' : holder.root + below };
}

export function mountFoundError(path: string, mount: string): GantryError {
  return new GantryError(
    'mount_found',
    `${path} stays: expected no mount at or below it, found one at ${mount}. Unmount it first.`,
    { field: mount },
  );
}
