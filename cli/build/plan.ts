import { GantryError } from '../../shared/base/error.ts';
import { ancestorPaths, compareBytes, type TreeEntry } from '../../shared/domain/files/index.ts';
import { selectFiles } from '../../shared/files/index.ts';
import { buildMask, type ModuleManifest } from '../../shared/manifest/index.ts';
import type { ContentFacts, SourceEntry } from './rootfs.ts';

/** What a build would ship of a repository's `rootfs/`. */
export interface BuildPlan {
  /** Paths of what is shipped and is no directory, byte-wise; the directories above follow from them. */
  files: string[];
  /** Globs of `file_spec` that ship nothing, as sentences. */
  warnings: string[];
}

/** Selects by `file_spec` and the build's mask (product.md, sections 2 and 3: carve-outs ship). */
export function planModule(manifest: ModuleManifest, source: SourceEntry[]): BuildPlan {
  const mask = buildMask(manifest);
  const paths = source.filter(({ type }) => type !== 'directory').map(({ path }) => path);
  const files = selectFiles(paths, { file_spec: manifest.file_spec, mask });
  const warnings = manifest.file_spec
    .filter((glob) => selectFiles(files, { file_spec: [glob], mask: [] }).length === 0)
    .map((glob) => `file_spec has ${JSON.stringify(glob)}, which selects nothing in rootfs/`);
  return { files, warnings };
}

/**
 * The tree that ships: the root, the files and the directories above them, owner 0:0, modes as git keeps them, one
 * time for all. Nothing of the working copy's own owners, times and umask reaches it.
 *
 * @param facts of every file's content, by path.
 * @throws GantryError `tree_invalid` for a selected device, fifo or socket, which git could not keep.
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
      const message = `rootfs${path} is a device, fifo or socket; expected what git keeps: files and symlinks`;
      throw new GantryError('tree_invalid', message, { field: path });
    }
  }
  return tree.sort((a, b) => compareBytes(a.path, b.path));
}
