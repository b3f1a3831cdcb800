import { join } from 'node:path';
import { inlineBytesMax } from '../../shared/artifact/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import { FsVerity } from '../../shared/composefs/index.ts';
import { ancestorPaths, type TreeEntry } from '../../shared/domain/files/index.ts';
import { withParents } from '../../shared/packages/index.ts';
import type { PackageBuild } from './packages/build-packages.ts';
import { openFromTar } from './packages/build-tree.ts';
import { plannedTree } from './plan.ts';
import { type ContentFacts, openContent, readContentFacts, type SourceEntry } from './rootfs.ts';

/** What ships, and how the content of its files is read. */
export interface LayerContent {
  tree: TreeEntry[];
  open: (entry: TreeEntry) => AsyncIterable<Uint8Array> | Uint8Array;
}

/** The part of a layer that comes from `rootfs/`. */
export interface RootfsPart {
  directory: string;
  files: string[];
  source: SourceEntry[];
}

/**
 * Puts a layer together: the packages' files, the records of the build, and `rootfs/` on top.
 * @param seconds the time of everything but the packages' files
 * @throws GantryError `tree_invalid` where `rootfs/` has a path that the packages lead elsewhere
 */
export async function layerContent(
  rootfs: RootfsPart,
  packages: PackageBuild | undefined,
  seconds: number,
): Promise<LayerContent> {
  const full = packages?.trees.full.entries ?? [];
  refuseLedElsewhere(rootfs.files, full);

  const facts = await contentFacts(rootfs);
  const own = plannedTree(rootfs.files, rootfs.source, facts, seconds);
  const generated = packages?.plan.generated ?? new Map<string, string>();
  const chosen = new Map<string, TreeEntry>();
  for (const entry of packages?.plan.entries ?? []) chosen.set(entry.path, entry);
  for (const [path, text] of generated) chosen.set(path, textEntry(path, text, seconds));
  for (const entry of own) if (entry.type !== 'directory') chosen.set(entry.path, entry);

  const shipped = new Set(rootfs.files);
  return {
    tree: withParents(chosen.values(), full, seconds),
    open: (entry) => {
      const text = generated.get(entry.path);
      if (shipped.has(entry.path)) return openContent(join(rootfs.directory, entry.path));
      if (text !== undefined) return Buffer.from(text);
      return openFromTar(packages?.trees.tree.tar ?? '', entry);
    },
  };
}

/** A file below a link of the packages would make it a directory, and hide its target. */
function refuseLedElsewhere(files: readonly string[], full: readonly TreeEntry[]): void {
  const known = new Map(full.map((entry) => [entry.path, entry]));

  for (const path of files) {
    for (const ancestor of ancestorPaths(path)) {
      const found = known.get(ancestor);
      if (found === undefined || found.type === 'directory') continue;
      const cure =
        found.type === 'symlink' ? `move it to where the link leads, ${found.target}` : 'move it';
      const message = `expected directories above rootfs${path}, but ${ancestor} is a ${found.type} in the packages; ${cure}`;
      throw new GantryError('tree_invalid', message, { field: path, found: ancestor });
    }

    if (known.get(path)?.type !== 'directory') continue;
    const message = `expected a directory or nothing at rootfs${path}, because the packages have a directory there`;
    throw new GantryError('tree_invalid', message, { field: path });
  }
}

async function contentFacts({ directory, files, source }: RootfsPart) {
  const regular = new Set(source.filter(({ type }) => type === 'file').map(({ path }) => path));
  const facts = new Map<string, ContentFacts>();

  for (const path of files) {
    if (regular.has(path))
      facts.set(path, await readContentFacts(join(directory, path), inlineBytesMax));
  }

  return facts;
}

function textEntry(path: string, text: string, seconds: number): TreeEntry {
  const bytes = Buffer.from(text);
  const verity = new FsVerity();
  verity.update(bytes);

  const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: seconds, mtime_ns: 0 };
  const entry: TreeEntry = { path, type: 'file', ...attributes, size: bytes.length };
  if (bytes.length === 0) return entry;
  const content = bytes.length <= inlineBytesMax ? { content: bytes.toString('base64') } : {};
  return { ...entry, verity: verity.digestHex(), ...content };
}
