import type { Composition, LayerName } from '../../domain/compose/index.ts';
import type { Services } from '../context/index.ts';
import { readLayerFiles } from './layer-files.ts';
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
  const contents = await readLayerFiles(
    services,
    files.map(({ module, layer_digest, entry }) => {
      const account = module.slice(0, module.indexOf('/'));
      return { account, layer_digest, entry };
    }),
  );
  const byPlace = new Map(
    files.map(({ module, entry }, index) => [`${module}:${entry.path}`, contents[index]]),
  );
  return (module, path) => byPlace.get(`${module}:${path}`) ?? new Uint8Array();
}
