import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { createGzip, gunzip } from 'node:zlib';
import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import { parseStored } from '../base/stored-json.ts';
import { type TreeEntry, treeEntry } from '../domain/files/index.ts';

/** The files of a layer, and what rebuilds its tar from them. */
export interface FileIndex {
  entries: TreeEntry[];
  /**
   * Every byte of the tar outside the contents of the files, as one zstd frame. Absent in an index
   * of format 1, and for a layer that has more than `limits.layerOutsideBytesMax`.
   */
  outside?: Uint8Array;
}

const fileIndex = z.strictObject({
  format: z.literal([1, 2]),
  entries: z.array(treeEntry),
  outside: z.base64().exactOptional(),
});

/**
 * Entries written as one piece of text: some hundred kilobytes, where the whole index may be
 * hundreds of megabytes.
 */
const entriesAtOnce = 1000;

/** Writes an index of the present format: gzipped JSON. */
export function encodeFileIndex(
  entries: readonly TreeEntry[],
  outside?: Uint8Array,
): Promise<Uint8Array> {
  return buffer(Readable.from(jsonParts(entries, outside)).pipe(createGzip()));
}

function* jsonParts(
  entries: readonly TreeEntry[],
  outside: Uint8Array | undefined,
): Generator<string> {
  yield '{"format":2,"entries":[';

  for (let at = 0; at < entries.length; at += entriesAtOnce) {
    const part = JSON.stringify(entries.slice(at, at + entriesAtOnce)).slice(1, -1);
    yield at === 0 ? part : `,${part}`;
  }

  yield ']';
  if (outside !== undefined) yield `,"outside":"${Buffer.from(outside).toString('base64')}"`;
  yield '}';
}

/**
 * Reads what `encodeFileIndex` wrote, now or before. Throws `io_error` for other bytes.
 *
 * @param unpackedMax bytes of JSON, where memory is scarce; by default as many as Node can hold
 */
export async function decodeFileIndex(bytes: Uint8Array, unpackedMax?: number): Promise<FileIndex> {
  const json = await unzip(bytes, unpackedMax);
  const { entries, outside } = parseStored(fileIndex, json.toString('utf8'), 'a file index');
  return { entries, ...(outside === undefined ? {} : { outside: Buffer.from(outside, 'base64') }) };
}

async function unzip(bytes: Uint8Array, max: number | undefined): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, max === undefined ? {} : { maxOutputLength: max });
  } catch (cause) {
    const isTooLarge = (cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE';
    const found = isTooLarge ? `more than ${max} bytes` : 'no gzip';
    throw new GantryError('io_error', `expected a file index, found ${found}`, { cause });
  }
}
