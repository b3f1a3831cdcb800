import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { fsVerityDigest } from '../../composefs/index.ts';
import type { TreeEntry } from '../../domain/files/index.ts';
import { getBytes, objectKeys } from '../../store/objects.ts';
import type { Services } from '../context/index.ts';

/** A file of a stored layer. */
export interface LayerFile {
  /** The account that stores the layer. */
  account: string;
  layer_digest: string;
  entry: TreeEntry;
}

/** A file with its place in the tar. */
interface Stored {
  index: number;
  file: LayerFile;
  start: number;
  end: number;
}

/**
 * Reads files as their modules ship them, in the order of the list. Files that lie close to each
 * other in a layer are read together. Gantry signs what is made of them, so they must be the bytes
 * that ingest checked. Throws `io_error` if a layer in S3 has other bytes.
 */
export async function readLayerFiles(
  services: Services,
  files: readonly LayerFile[],
): Promise<Uint8Array[]> {
  const contents = files.map(({ entry }) => Buffer.from(entry.content ?? '', 'base64'));

  const stored = files.flatMap((file, index): Stored[] => {
    const { size, offset: start = 0 } = file.entry;
    const isStored = size > limits.inlineFileBytesMax;
    return isStored ? [{ index, file, start, end: start + size }] : [];
  });

  await mapConcurrently(groupNear(stored), limits.storeReadsAtOnce, async (near) => {
    const start = near[0]?.start ?? 0;
    const bytes = Buffer.from(await readRange(services, near, start));
    for (const one of near) {
      const content = bytes.subarray(one.start - start, one.end - start);
      requireRight(one.file, content);
      contents[one.index] = content;
    }
  });
  return contents;
}

/** Groups the files of each layer that one read should get. */
function groupNear(stored: readonly Stored[]): Stored[][] {
  const layers = Map.groupBy(stored, ({ file }) => `${file.account} ${file.layer_digest}`);

  return [...layers.values()].flatMap((own) => {
    const groups: Stored[][] = [];
    let end = Number.NEGATIVE_INFINITY;

    for (const one of own.sort((a, b) => a.start - b.start)) {
      const isNear = one.start - end <= limits.layerReadGapBytes;
      if (isNear) groups.at(-1)?.push(one);
      else groups.push([one]);
      end = Math.max(end, one.end);
    }

    return groups;
  });
}

function readRange(
  { objects }: Services,
  near: readonly Stored[],
  start: number,
): Promise<Uint8Array> {
  const end = near.reduce((last, one) => Math.max(last, one.end), start);
  const [{ file } = { file: { account: '', layer_digest: '' } }] = near;
  const key = objectKeys.artifact(file.account, file.layer_digest);
  return getBytes(objects, key, { start, length: end - start });
}

function requireRight({ account, layer_digest, entry }: LayerFile, bytes: Uint8Array): void {
  const found = fsVerityDigest(bytes);
  if (found === entry.verity) return;

  const key = objectKeys.artifact(account, layer_digest);
  throw new GantryError(
    'io_error',
    `expected ${JSON.stringify(entry.path)} in ${key} to have the fs-verity digest ${entry.verity}, found ${found}`,
    { expected: entry.verity, found },
  );
}
