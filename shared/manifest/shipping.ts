import { listSome } from '../base/list-some.ts';
import { selectFiles } from '../files/index.ts';
import { buildMask } from './registration-match.ts';
import type { ModuleManifest } from './schema.ts';

/** A warning about what a build ships. */
export interface ShippingAdvice {
  /** The key of the manifest that it is about. */
  path: 'file_spec' | 'protected_spec';
  message: string;
}

/** How many paths a warning names. */
const pathsShown = 10;

/**
 * Warns of files in `rootfs/` that nothing ships, and of a module that ships nothing at all. An
 * author who forgets an entry would otherwise publish an empty artifact, and machines would lose
 * the files of the version before it.
 * @param rootfs the paths in `rootfs/` that are not directories
 * @param shipped those of them that the build ships
 */
export function adviseOnShipping(
  manifest: ModuleManifest,
  rootfs: readonly string[],
  shipped: readonly string[],
): ShippingAdvice[] {
  const left = listForgotten(manifest, rootfs, shipped);

  return [
    ...adviseOnNothing(manifest, shipped),
    ...adviseOnForgotten(manifest, left, shipped),
    ...adviseOnUseless(manifest, shipped),
    ...manifest.protected_spec.flatMap((glob): ShippingAdvice[] => {
      const [path] = selectFiles(left, { file_spec: [glob], mask: [] });
      if (path === undefined) return [];

      const message = `${JSON.stringify(glob)} protects rootfs${path}, which file_spec does not ship`;
      return [{ path: 'protected_spec', message }];
    }),
  ];
}

/** The files that neither ship nor are masked. */
function listForgotten(
  manifest: ModuleManifest,
  rootfs: readonly string[],
  shipped: readonly string[],
): string[] {
  const ships = new Set(shipped);
  const wanted = selectFiles(rootfs, { file_spec: ['/**'], mask: buildMask(manifest) });
  return wanted.filter((path) => !ships.has(path));
}

function adviseOnNothing(
  { package_spec }: ModuleManifest,
  shipped: readonly string[],
): ShippingAdvice[] {
  if (shipped.length > 0 || package_spec.length > 0) return [];
  const message =
    'SHIPS NOTHING: no file and no package; that is right only for a module of policies, users or units';
  return [{ path: 'file_spec', message }];
}

/** Globs that match nothing. In a module with packages they may match files of these. */
function adviseOnUseless(
  { file_spec, package_spec }: ModuleManifest,
  shipped: readonly string[],
): ShippingAdvice[] {
  if (package_spec.length > 0) return [];
  return listUnmatched(file_spec, shipped).map((glob) => ({
    path: 'file_spec',
    message: `${JSON.stringify(glob)} matches nothing in rootfs/`,
  }));
}

/** Globs that match none of the files. */
export function listUnmatched(globs: readonly string[], files: readonly string[]): string[] {
  return globs.filter((glob) => selectFiles(files, { file_spec: [glob], mask: [] }).length === 0);
}

function adviseOnForgotten(
  { file_spec }: ModuleManifest,
  left: readonly string[],
  shipped: readonly string[],
): ShippingAdvice[] {
  if (left.length === 0) return [];

  const files = left.length === 1 ? '1 file' : `${left.length} files`;
  const names = listSome(left, pathsShown);
  const cure = 'add them to file_spec, or to mask if they stay out on purpose';
  if (shipped.length > 0)
    return [{ path: 'file_spec', message: `does not ship ${files} of rootfs/: ${names}; ${cure}` }];

  const why = file_spec.length === 0 ? 'is empty' : 'matches none of them';
  const message = `NOTHING OF rootfs/ SHIPS: file_spec ${why}, and rootfs/ has ${files}: ${names}; ${cure}`;
  return [{ path: 'file_spec', message }];
}
