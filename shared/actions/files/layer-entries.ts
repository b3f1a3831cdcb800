import { GantryError, isGantryError } from '../../base/error.ts';
import { composefsImage } from '../../composefs/index.ts';
import type { TreeEntry } from '../../domain/files/index.ts';
import type { VersionBuild } from '../../domain/modules/index.ts';
import type { Services } from '../context/index.ts';
import { readFileIndex } from './read-file-index.ts';

/**
 * Reads the files that a build ships. Others may be able to write to the bucket, so the file index
 * must match the composefs digest that ingest computed. Throws `io_error` if it does not,
 * `not_found` if there is no index. No digest covers the offsets of files in the tar, so
 * `readInstanceFiles` checks the bytes that it reads.
 */
export async function layerEntries(
  { objects }: Services,
  { file_index_key, composefs_digest }: Pick<VersionBuild, 'file_index_key' | 'composefs_digest'>,
): Promise<TreeEntry[]> {
  let found: string;
  try {
    const entries = await readFileIndex(objects, file_index_key);
    found = `sha256:${composefsImage(entries).digest}`;
    if (found === composefs_digest) return entries;
  } catch (error) {
    // Bytes that are not a file index, or not of a valid tree. Other errors come from S3.
    if (!isGantryError(error, 'io_error', 'tree_invalid')) throw error;
    found = error.message;
  }

  throw new GantryError(
    'io_error',
    `expected the file index at ${file_index_key} to be of the tree ${composefs_digest}, found ${found}`,
    { expected: composefs_digest, found },
  );
}
