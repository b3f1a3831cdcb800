import { limits } from '../../base/limits/index.ts';
import { layerName, withGenerated } from '../../composition/index.ts';
import type { Composition, LayerName } from '../../domain/compose/index.ts';
import {
  generateLayer,
  listNeededFiles,
  type UnitInput,
  type UnitLayer,
} from '../../units/index.ts';
import { type LayerFile, readLayerFiles } from '../compositions/index.ts';
import type { Services } from '../context/index.ts';
import { refuseBeyond } from './refuse-beyond.ts';

/**
 * Puts the generated layer on top of a composition. Throws the coded errors of `generateLayer`, and
 * `composition_too_large` for more bytes of files to make it from than `neededFilesBytesMax`.
 * @param account the account of the template
 */
export async function generateRoot(
  services: Services,
  composition: Composition,
  { account, layers }: { account: string; layers: readonly UnitLayer[] },
): Promise<Composition> {
  const input: UnitInput = { account, layers, entries: composition.entries };
  const contents = await readNeeded(services, composition, listNeededFiles(input));

  const generated = generateLayer(input, (path) => contents.get(path) ?? new Uint8Array());
  return withGenerated(composition, generated);
}

async function readNeeded(
  services: Services,
  composition: Composition,
  paths: readonly string[],
): Promise<Map<string, Uint8Array>> {
  const wanted = new Set(paths);
  const digests = new Map(
    composition.layers.map((layer) => [layerName(layer), layer.layer_digest]),
  );
  const files = composition.entries
    .filter(({ path }) => wanted.has(path))
    .map((entry): LayerFile => {
      const owner: LayerName = composition.owners.get(entry.path) ?? '';
      const account = owner.slice(0, owner.indexOf('/'));
      return { account, layer_digest: digests.get(owner) ?? '', entry };
    });

  const size = files.reduce((sum, { entry }) => sum + entry.size, 0);
  refuseBeyond('bytes of records of packages and users', limits.neededFilesBytesMax, size);
  const contents = await readLayerFiles(services, files);
  return new Map(
    files.map(({ entry }, index) => [entry.path, contents[index] ?? new Uint8Array()]),
  );
}
