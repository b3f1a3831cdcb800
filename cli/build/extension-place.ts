import type { Dirent } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { readBounded } from '../../shared/base/read-bounded.ts';
import {
  type ExtensionTree,
  isArchive,
  readExtensionArchive,
  TreeBuilder,
} from '../../shared/extension/index.ts';
import { failReading, readStart } from '../input/read-start.ts';

/** An extension where it was found: as a tree, or a manifest alone. */
export type ExtensionPlace = { tree: ExtensionTree } | { text: string };

/**
 * Reads an extension: a link or file with a manifest or an archive, or a directory.
 * @throws GantryError `io_error`, `unavailable`, `archive_invalid`, `archive_unsafe`,
 * `archive_too_large`
 */
export async function readExtensionPlace(place: string): Promise<ExtensionPlace> {
  if (/^https?:\/\//i.test(place)) return readBytes(await fetchLink(place));

  const stats = await stat(place).catch(failReading(place));
  return stats.isDirectory()
    ? { tree: await readDirectory(place) }
    : readBytes(await readStart(place, limits.extensionArchiveBytesMax));
}

async function readBytes(bytes: Buffer): Promise<ExtensionPlace> {
  if (isArchive(bytes)) return { tree: await readExtensionArchive(bytes) };
  return { text: bytes.toString('utf8') };
}

async function fetchLink(url: string): Promise<Buffer> {
  const signal = AbortSignal.timeout(limits.extensionFetchMs);
  const fail = (found: string, cause?: unknown) =>
    new GantryError('unavailable', `expected a manifest or archive at ${url}, found ${found}`, {
      cause,
    });

  try {
    const response = await fetch(url, { signal });
    if (!response.ok) throw fail(`status ${response.status}`);
    // Redirects may not lead away from TLS.
    if (url.startsWith('https:') && !response.url.startsWith('https:'))
      throw fail(`a redirect to ${response.url}`);

    const max = limits.extensionArchiveBytesMax;
    return await readBounded(response.body ?? [], max, () => fail(`more than ${max} bytes`));
  } catch (error) {
    if (error instanceof GantryError) throw error;
    const { message, cause } = error as Error;
    throw fail((cause as Error | undefined)?.message ?? message, error);
  }
}

/** Reads a working tree. What git keeps for itself is no part of it. */
export async function readDirectory(directory: string): Promise<ExtensionTree> {
  const builder = new TreeBuilder();
  const walk = async (at: string): Promise<void> => {
    for (const entry of await readdir(join(directory, at), { withFileTypes: true })) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`;
      if (path === '.git') continue;
      if (entry.isDirectory()) await walk(path);
      else await addEntry(builder, { entry, path, file: join(directory, path) });
    }
  };

  await walk('');
  return builder.finish({ top: true });
}

async function addEntry(
  builder: TreeBuilder,
  { entry, path, file }: { entry: Dirent; path: string; file: string },
): Promise<void> {
  if (entry.isSymbolicLink()) return builder.addLink(path, await readlink(file));
  if (entry.isFile()) return addFile(builder, path, file);
  throw new GantryError('archive_unsafe', `expected a file at ${file}, found a special file`);
}

async function addFile(builder: TreeBuilder, path: string, file: string): Promise<void> {
  const { mode, size } = await stat(file);
  if (size > builder.bytesLeft) {
    const max = limits.extensionBytesMax;
    throw new GantryError(
      'archive_too_large',
      `expected files of at most ${max} bytes, found more`,
    );
  }

  builder.addFile(path, (mode & 0o111) !== 0, await readFile(file));
}
