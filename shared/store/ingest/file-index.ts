import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { createGzip, gunzip } from 'node:zlib';
import { z } from 'zod';
import { GantryError } from '../../base/error.ts';
import { parseStored } from '../../base/stored-json.ts';
import { type TreeEntry, treeEntry } from '../../domain/files/index.ts';
import { getBytes, type Objects } from '../objects.ts';

const fileIndex = z.strictObject({ format: z.literal(1), entries: z.array(treeEntry) });

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
  yield '{"format":1,"entries":[';

  for (let at = 0; at < entries.length; at += entriesAtOnce) {
    const part = JSON.stringify(entries.slice(at, at + entriesAtOnce)).slice(1, -1);
    yield at === 0 ? part : `,${part}`;
  }

  yield ']}';
}

/** Reads what `encodeFileIndex` wrote. Throws `io_error` for other bytes. */
export async function decodeFileIndex(bytes: Uint8Array): Promise<TreeEntry[]> {
  const json = await unzip(bytes);
  return parseStored(fileIndex, json.toString('utf8'), 'a file index').entries;
}

async function unzip(bytes: Uint8Array): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes);
  } catch (cause) {
    throw new GantryError('io_error', 'expected a file index, found no gzip', { cause });
  }
}
