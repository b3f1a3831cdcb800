import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { createGzip, gunzip } from 'node:zlib';
import type { TreeEntry } from '../../domain/files/index.ts';
import { getBytes, type Objects } from '../objects.ts';

/**
 * Entries written as one piece of text: some hundred kilobytes, where the whole index may be
 * hundreds of megabytes.
 */
const entriesAtOnce = 1000;

/** What a version's build ships, by its `file_index_key`; `not_found` when there is none. */
export async function readFileIndex(objects: Objects, key: string): Promise<TreeEntry[]> {
  return decodeFileIndex(await getBytes(objects, key));
}

export function encodeFileIndex(entries: readonly TreeEntry[]): Promise<Uint8Array> {
  return buffer(Readable.from(jsonParts(entries)).pipe(createGzip()));
}

function* jsonParts(entries: readonly TreeEntry[]): Generator<string> {
  for (let at = 0; at < entries.length; at += entriesAtOnce) {
    yield (at === 0 ? '[' : ',') +
      JSON.stringify(entries.slice(at, at + entriesAtOnce)).slice(1, -1);
  }
  yield entries.length === 0 ? '[]' : ']';
}

export async function decodeFileIndex(bytes: Uint8Array): Promise<TreeEntry[]> {
  // Written by ingest from an archive that it checked; nothing else may write below this prefix.
  const entries: TreeEntry[] = JSON.parse((await promisify(gunzip)(bytes)).toString('utf8'));
  return entries;
}
