import { constants, type Dirent } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { FsVerity } from '../../shared/composefs/index.ts';
import { readBytes, toBytes } from '../../shared/files/index.ts';

/** An entry of `rootfs/`, as git keeps it. */
export interface SourceEntry {
  /** Absolute in the tree: `/etc/redis.conf`. Bytes that are not UTF-8 are escaped in it. */
  path: string;
  type: 'directory' | 'file' | 'symlink' | 'other';
  /** Of a file: the owner's execute bit, the only mode bit that git keeps. */
  executable?: boolean;
  /** Of a file or directory: the permission bits in the working copy, which git does not keep. */
  mode?: number;
  /** Of a symlink. Bytes that are not UTF-8 are escaped in it. */
  target?: string;
}

/**
 * Lists everything below a directory without following symlinks. A missing directory is empty.
 * Names that are not UTF-8 are listed too: only those that ship are refused.
 *
 * @throws GantryError `io_error` if the path is not a directory
 */
export async function readRootfs(directory: string): Promise<SourceEntry[]> {
  const stats = await lstat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!stats) return [];
  if (!stats.isDirectory())
    throw new GantryError('io_error', `expected a directory at ${directory}, found something else`);

  const entries: SourceEntry[] = [];
  const waiting = [''];

  for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
    for (const found of await readdir(toBytes(join(directory, parent)), {
      withFileTypes: true,
      encoding: 'buffer',
    })) {
      const path = `${parent}/${readBytes(found.name)}`;
      const entry = await describe(toBytes(join(directory, path)), path, found);
      entries.push(entry);
      if (entry.type === 'directory') waiting.push(path);
    }
  }

  return entries;
}

async function describe(
  location: Buffer,
  path: string,
  found: Dirent<Buffer>,
): Promise<SourceEntry> {
  if (found.isSymbolicLink())
    return { path, type: 'symlink', target: readBytes(await readlink(location, 'buffer')) };
  if (!found.isFile() && !found.isDirectory()) return { path, type: 'other' };

  const mode = (await lstat(location)).mode & 0o7777;
  if (found.isDirectory()) return { path, type: 'directory', mode };
  return { path, type: 'file', executable: (mode & constants.S_IXUSR) !== 0, mode };
}

/** The size and fs-verity digest of a file, and its content if composefs inlines it. */
export interface ContentFacts {
  size: number;
  verity?: string;
  content?: string;
}

/**
 * Hashes a file in one pass. @param inlineMax the largest size in bytes whose content is returned
 */
export async function readContentFacts(location: string, inlineMax: number): Promise<ContentFacts> {
  const verity = new FsVerity();
  const kept: Buffer[] = [];
  let size = 0;

  for await (const chunk of openContent(location)) {
    size += chunk.length;
    verity.update(chunk);
    if (size <= inlineMax) kept.push(chunk);
  }

  if (size === 0) return { size };
  const facts = { size, verity: verity.digestHex() };
  return size <= inlineMax ? { ...facts, content: Buffer.concat(kept).toString('base64') } : facts;
}

/**
 * Yields the bytes of a file in fresh chunks. Does not follow a symlink that replaced the file
 * meanwhile.
 */
export async function* openContent(location: string): AsyncGenerator<Buffer, void, void> {
  const file = await open(location, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    const chunkBytes = Math.min(Math.max(size, 1), 1024 * 1024);

    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
