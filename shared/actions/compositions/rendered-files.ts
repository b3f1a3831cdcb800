import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { fsVerityDigest } from '../../composefs/index.ts';
import type { Composition, LayerName } from '../../domain/compose/index.ts';
import type { TreeEntry } from '../../domain/files/index.ts';
import { getBytes, objectKeys } from '../../store/objects.ts';
import type { Services } from '../context/index.ts';
import type { InstanceFile } from './record-schema.ts';

/** The files of a composition that are rendered for each machine. */
export function instanceFilesOf({ layers, instance_files }: Composition): InstanceFile[] {
  const digests = new Map(
    layers.map((layer) => [`${layer.account}/${layer.module}`, layer.layer_digest]),
  );
  return instance_files.map(({ module, entry }) => ({
    module,
    layer_digest: digests.get(module) ?? '',
    entry,
  }));
}

/**
 * Reads the bytes of these files as their modules ship them. Gantry signs them for machines, so
 * they must be the bytes that ingest checked. Throws `io_error` if the layer in S3 has other bytes.
 */
export async function readInstanceFiles(
  services: Services,
  files: readonly InstanceFile[],
): Promise<(module: LayerName, path: string) => Uint8Array> {
  const contents = new Map<string, Uint8Array>();
  for (const { module, layer_digest, entry } of files) {
    contents.set(`${module}:${entry.path}`, await contentOf(services, module, layer_digest, entry));
  }
  return (module, path) => contents.get(`${module}:${path}`) ?? new Uint8Array();
}

async function contentOf(
  services: Services,
  module: string,
  layer: string,
  entry: TreeEntry,
): Promise<Uint8Array> {
  if (entry.size <= limits.inlineFileBytesMax) return Buffer.from(entry.content ?? '', 'base64');

  const account = module.slice(0, module.indexOf('/'));
  const key = objectKeys.artifact(account, layer);
  const bytes = await getBytes(services.objects, key, {
    start: entry.offset ?? 0,
    length: entry.size,
  });
  const found = fsVerityDigest(bytes);
  if (found === entry.verity) return bytes;

  throw new GantryError(
    'io_error',
    `expected ${JSON.stringify(entry.path)} in ${key} to have the fs-verity digest ${entry.verity}, found ${found}`,
    { expected: entry.verity, found },
  );
}
