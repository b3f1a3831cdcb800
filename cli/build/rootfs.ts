import { constants, type Dirent } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { FsVerity } from '../../shared/composefs/index.ts';

/** Something in a module repository's `rootfs/`, as git would keep it. */
export interface SourceEntry {
  /** Absolute in the tree: `/etc/redis.conf`. */
  path: string;
  type: 'directory' | 'file' | 'symlink' | 'other';
  /** Files: whether their owner may execute them, the only mode bit that git keeps. */
  executable?: boolean;
  /** Symlinks: the target. */
  target?: string;
}

/**
 * Lists everything below a directory, following no symlink; a directory that is not there has nothing in it.
 *
 * @throws GantryError `io_error` for a root that is no directory, `tar_path_not_utf8` for a name that is not UTF-8.
 */
export async function readRootfs(directory: string): Promise<SourceEntry[]> {
  const stats = await lstat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!stats) return [];
  if (!stats.isDirectory())
    throw new GantryError('io_error', `${directory} is no directory, expected one`);
  const entries: SourceEntry[] = [];
  const waiting = [''];
  for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
    for (const found of await readdir(join(directory, parent), {
      withFileTypes: true,
      encoding: 'buffer',
    })) {
      const path = `${parent}/${utf8(found.name, `a name in rootfs${parent}`)}`;
      const entry = await describe(join(directory, path), path, found);
      entries.push(entry);
      if (entry.type === 'directory') waiting.push(path);
    }
  }
  return entries;
}

async function describe(
  location: string,
  path: string,
  found: Dirent<Buffer>,
): Promise<SourceEntry> {
  if (found.isDirectory()) return { path, type: 'directory' };
  if (found.isSymbolicLink()) {
    const target = utf8(
      await readlink(location, 'buffer'),
      `the target of the symlink rootfs${path}`,
    );
    return { path, type: 'symlink', target };
  }
  if (!found.isFile()) return { path, type: 'other' };
  const { mode } = await lstat(location);
  return { path, type: 'file', executable: (mode & constants.S_IXUSR) !== 0 };
}

function utf8(bytes: Buffer, what: string): string {
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return text;
  throw new GantryError(
    'tar_path_not_utf8',
    `${what} is not UTF-8: ${JSON.stringify(bytes.toString('latin1'))}`,
  );
}

/** What an index says of a file's content: bytes, fs-verity digest, and the content itself where composefs inlines it. */
export interface ContentFacts {
  size: number;
  verity?: string;
  content?: string;
}

/** Hashes a file of the tree in one pass. @param inlineMax bytes up to which the content is kept. */
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

/** A file's bytes, in chunks that are the caller's; a symlink that took the file's place is not followed. */
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
