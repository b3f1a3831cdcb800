import { GantryError } from '../../shared/base/error.ts';
import { ancestorPaths, compareBytes, type TreeEntry } from '../../shared/domain/files/index.ts';
import { selectFiles, toBytes } from '../../shared/files/index.ts';
import {
  adviseOnShipping,
  buildMask,
  type ModuleManifest,
  type ShippingAdvice,
} from '../../shared/manifest/index.ts';
import type { ContentFacts, SourceEntry } from './rootfs.ts';

/** What a build ships from `rootfs/`. */
export interface BuildPlan {
  /** Shipped paths except directories, in byte order; their parent directories ship too. */
  files: string[];
  /** What the manifest says of `rootfs/` that its author hardly meant. */
  advice: ShippingAdvice[];
}

/**
 * Selects files by `file_spec` and the mask of the build. Carve-outs ship.
 * @throws GantryError `tar_path_not_utf8` for a name or a target that ships and is not UTF-8
 */
export function planModule(manifest: ModuleManifest, source: SourceEntry[]): BuildPlan {
  const mask = buildMask(manifest);
  const paths = source.filter(({ type }) => type !== 'directory').map(({ path }) => path);
  const files = selectFiles(paths, { file_spec: manifest.file_spec, mask });
  refuseOtherBytes(source, new Set(files));
  return { files, advice: adviseOnShipping(manifest, paths, files) };
}

function refuseOtherBytes(source: readonly SourceEntry[], shipped: ReadonlySet<string>): void {
  for (const { path, target = '' } of source) {
    if (!shipped.has(path)) continue;
    const [what, found] = path.isWellFormed()
      ? [`the target of the symlink rootfs${path}`, target]
      : ['the names that ship', `rootfs${path}`];
    if (found.isWellFormed()) continue;

    const shown = JSON.stringify(toBytes(found).toString('latin1'));
    const message = `expected UTF-8 in ${what}, found ${shown} in another encoding; rename it, or mask it`;
    throw new GantryError('tar_path_not_utf8', message, { field: path });
  }
}

/**
 * Returns the tree that ships: the root, the files and their parent directories. All have owner
 * 0:0, the mode that git keeps and the same time, so that owners, times and umask of the working
 * copy do not matter.
 *
 * @param facts the content facts of each file, by path
 * @throws GantryError `tree_invalid` for a device, fifo or socket, which git cannot keep
 */
export function plannedTree(
  files: string[],
  source: SourceEntry[],
  facts: ReadonlyMap<string, ContentFacts>,
  seconds: number,
): TreeEntry[] {
  const sources = new Map(source.map((entry) => [entry.path, entry]));
  const directories = new Set<string>(['/']);
  for (const path of files) for (const ancestor of ancestorPaths(path)) directories.add(ancestor);
  const common = { uid: 0, gid: 0, mtime: seconds, mtime_ns: 0 };

  const tree: TreeEntry[] = [...directories].map((path) => ({
    ...common,
    path,
    type: 'directory',
    mode: 0o755,
    size: 0,
  }));

  for (const path of files) {
    const { type, executable, target = '' } = sources.get(path) as SourceEntry;
    if (type === 'symlink') {
      tree.push({ ...common, path, type, mode: 0o777, size: Buffer.byteLength(target), target });
    } else if (type === 'file') {
      tree.push({
        ...common,
        path,
        type,
        mode: executable ? 0o755 : 0o644,
        ...(facts.get(path) as ContentFacts),
      });
    } else {
      const message = `expected files and symlinks in rootfs/, found a device, fifo or socket at rootfs${path}`;
      throw new GantryError('tree_invalid', message, { field: path });
    }
  }

  return tree.sort((a, b) => compareBytes(a.path, b.path));
}
