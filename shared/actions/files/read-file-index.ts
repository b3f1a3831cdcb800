import { decodeFileIndex } from '../../artifact/index.ts';
import type { TreeEntry } from '../../domain/files/index.ts';
import { getBytes, type Objects } from '../../store/objects.ts';

/** What a version's build ships, by its `file_index_key`; `not_found` when there is none. */
export async function readFileIndex(objects: Objects, key: string): Promise<TreeEntry[]> {
  return (await decodeFileIndex(await getBytes(objects, key))).entries;
}
