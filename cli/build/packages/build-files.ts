import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  formatIds,
  formatLock,
  type IdTable,
  idTableName,
  type LockFile,
  lockFileName,
  parseIds,
  parseLock,
} from '../../../shared/packages/index.ts';
import { readOptional } from './required-modules.ts';

/** The committed files that a build reads and keeps current. */
export interface BuildFiles {
  lockPath: string;
  lock: LockFile;
  idsPath: string;
  /** The text of `ids.yaml`; undefined if there is none. */
  idsText: string | undefined;
  ids: IdTable;
}

/**
 * Reads `module.lock.json` and the account's `ids.yaml`. A file that is missing is empty.
 * @param ids where the table of ids is; beside the module, or beside all modules, by default
 * @throws GantryError `lock_invalid`, `ids_invalid`
 */
export async function readBuildFiles(
  directory: string,
  ids: string | undefined,
): Promise<BuildFiles> {
  const lockPath = join(directory, lockFileName);
  const lock = await readOptional(lockPath);
  const idsPath = await findIds(directory, ids);
  const idsText = await readOptional(idsPath);

  return {
    lockPath,
    lock: lock === undefined ? { lock_version: 1, platforms: {} } : parseLock(lock, lockPath),
    idsPath,
    idsText,
    ids: parseIds(idsText ?? '', idsPath),
  };
}

async function findIds(directory: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return resolve(given);
  const beside = join(directory, idTableName);
  const above = join(dirname(resolve(directory)), idTableName);
  return (await readOptional(beside)) === undefined && (await readOptional(above)) !== undefined
    ? above
    : beside;
}

/**
 * Writes the files that changed. In a container the repository may be read-only: they then go to
 * the directory of results.
 * @returns a warning for each file that did
 */
export async function writeBuildFiles(files: BuildFiles, out: string): Promise<string[]> {
  const { ids, idsText } = files;
  const hasIds = Object.keys(ids.users).length + Object.keys(ids.groups).length > 0;
  return [
    ...(await writeChanged(files.lockPath, formatLock(files.lock), out)),
    ...(hasIds ? await writeChanged(files.idsPath, formatIds(ids, idsText), out) : []),
  ];
}

async function writeChanged(path: string, text: string, out: string): Promise<string[]> {
  if ((await readOptional(path)) === text) return [];
  try {
    await replaceText(path, text);
    return [];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EROFS' && code !== 'EACCES') throw error;
    const other = join(out, basename(path));
    await replaceText(other, text);
    return [`${path} cannot be written, so it is at ${other}; copy it there and commit it`];
  }
}

async function replaceText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}
