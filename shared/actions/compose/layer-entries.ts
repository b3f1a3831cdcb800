import { GantryError } from '../../base/error.ts';
import { composefsImage } from '../../composefs/index.ts';
import type { TreeEntry } from '../../domain/files/index.ts';
import type { VersionBuild } from '../../domain/modules/index.ts';
import { readFileIndex } from '../../store/ingest/index.ts';
import type { Services } from '../context/index.ts';

/**
 * What a build ships, as compositions are made of it. Its file index lies where others may write, so it must be of the tree
 * whose composefs digest ingest recomputed; `io_error` where it is not, `not_found` where there is none. Where a file's bytes
 * lie in the tar is covered by no digest: whoever reads them compares what they get (see `readInstanceFiles`).
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
    if (!isUnreadable(error)) throw error;
    found = error.message;
  }
  throw new GantryError(
    'io_error',
    `expected the file index at ${file_index_key} to be of the tree ${composefs_digest}, found ${found}`,
    { expected: composefs_digest, found },
  );
}

/** What gunzip, JSON and composefs say of bytes that are no file index; the rest is S3's. */
function isUnreadable(error: unknown): error is Error {
  const { code = '' } = error as { code?: string };
  return (
    error instanceof SyntaxError ||
    error instanceof TypeError ||
    code === 'tree_invalid' ||
    code.startsWith('Z_')
  );
}
