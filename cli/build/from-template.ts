import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { isSlug, slugLengthMax } from '../../shared/base/slug.ts';

/** A file of a new repository. */
export interface NewFile {
  path: string;
  text: string;
  executable?: boolean;
}

/** Refuses a name that no new repository may have. @throws GantryError `usage` */
export function requireSlug(name: string, what: string): void {
  if (isSlug(name)) return;
  const expected = `at most ${slugLengthMax} lower-case letters and digits, with ".", "_" or "-" between them`;
  const message = `expected ${what} of ${expected}, found ${JSON.stringify(name)}`;
  throw new GantryError('usage', message, { field: 'name', found: name });
}

/** Reads the files below a directory, without build results. */
export async function readTemplate(directory: string): Promise<NewFile[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((file) => join(file.parentPath, file.name));
  const shipped = files.filter((file) => !file.startsWith(join(directory, 'dist/')));

  return Promise.all(
    shipped.map(async (file) => ({
      path: file.slice(directory.length + 1),
      text: await readFile(file, 'utf8'),
      executable: ((await stat(file)).mode & 0o100) !== 0,
    })),
  );
}

/**
 * Writes files to a directory that is missing, empty, or holds only `.git`.
 * @returns their paths, sorted
 * @throws GantryError `already_exists` if the directory has other files
 */
export async function writeRepository(
  directory: string,
  files: readonly NewFile[],
): Promise<string[]> {
  await refuseOccupied(directory);
  for (const { path, text, executable } of files) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: 'wx' });
    if (executable) await chmod(file, 0o755);
  }

  return files.map(({ path }) => path).sort();
}

async function refuseOccupied(directory: string): Promise<void> {
  const stats = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new GantryError('io_error', `${directory} cannot be read: ${error.message}`, {
      cause: error,
    });
  });

  if (stats === undefined) return;

  const present = stats.isDirectory()
    ? (await readdir(directory)).filter((name) => name !== '.git')
    : ['a file'];
  if (present.length === 0) return;

  const found = `${present.slice(0, 3).join(', ')}${present.length > 3 ? ', …' : ''}`;
  throw new GantryError(
    'already_exists',
    `expected ${directory} to be missing or an empty directory, found ${found}`,
  );
}
