import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { TreeEntry } from '../domain/tree.ts';
import { getBytes, type Objects } from './objects.ts';

/** What a version's build ships, by its `file_index_key`; `not_found` when there is none. */
export async function readFileIndex(objects: Objects, key: string): Promise<TreeEntry[]> {
  return decodeFileIndex(await getBytes(objects, key));
}

export async function encodeFileIndex(entries: readonly TreeEntry[]): Promise<Uint8Array> {
  return promisify(gzip)(JSON.stringify(entries));
}

export async function decodeFileIndex(bytes: Uint8Array): Promise<TreeEntry[]> {
  // Written by ingest from an archive that it checked; nothing else may write below this prefix.
  const entries: TreeEntry[] = JSON.parse((await promisify(gunzip)(bytes)).toString('utf8'));
  return entries;
}
