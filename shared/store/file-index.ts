import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { TreeEntry } from '../domain/tree.ts';
import { getBytes, type Objects } from './objects.ts';

/** What a version's build ships, by its `file_index_key`; `not_found` when there is none. */
export async function readFileIndex(objects: Objects, key: string): Promise<TreeEntry[]> {
  const bytes = await promisify(gunzip)(await getBytes(objects, key));
  // Written by ingest from an archive that it checked; nothing else may write below this prefix.
  const entries: TreeEntry[] = JSON.parse(bytes.toString('utf8'));
  return entries;
}
