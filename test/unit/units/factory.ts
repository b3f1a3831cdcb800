import { compose, withGenerated } from '../../../shared/composition/index.ts';
import { ancestorPaths, compareBytes, type TreeEntry } from '../../../shared/domain/files/index.ts';
import {
  type GeneratedLayer,
  generateLayer,
  type MachineManifest,
  type UnitInput,
  type UnitLayer,
} from '../../../shared/units/index.ts';
import { directoryEntry, fileEntry } from '../../support/trees.ts';

/** Files of a tree: path → text, or a target after "->". */
export type Files = Record<string, string>;

export interface ModuleOptions extends Partial<Omit<UnitLayer, 'entries' | 'manifest'>> {
  manifest?: Partial<MachineManifest>;
  files?: Files;
  entries?: TreeEntry[];
}

/** The tree of files, with every directory above them. */
export function treeOf(files: Files): TreeEntry[] {
  const entries = Object.entries(files).map(([path, text]): TreeEntry => {
    if (!text.startsWith('->')) return fileEntry(path, Buffer.from(text));
    const target = text.slice(2).trim();
    const size = Buffer.byteLength(target);
    return { ...fileEntry(path, Buffer.alloc(0)), type: 'symlink', mode: 0o777, size, target };
  });
  return mergeTrees([entries]);
}

/** The merged tree of layers, lowest first. */
export function mergeTrees(trees: readonly (readonly TreeEntry[])[]): TreeEntry[] {
  const merged = new Map(trees.flat().map((entry) => [entry.path, entry]));
  for (const path of ['/', ...[...merged.keys()].flatMap(ancestorPaths)])
    if (!merged.has(path)) merged.set(path, directoryEntry(path));
  return [...merged.values()].sort((a, b) => compareBytes(a.path, b.path));
}

export function moduleLayer({ manifest, files = {}, entries, ...facts }: ModuleOptions): UnitLayer {
  return {
    account: 'acme',
    module: 'web',
    version: '1.0.0',
    parent_module: null,
    ...facts,
    manifest: { dependencies: { requires: [], provides: [] }, file_spec: [], ...manifest },
    entries: mergeTrees([treeOf(files), entries ?? []]),
  };
}

/** A base with the files that every test's root has. */
export const base: Files = {
  '/etc/passwd':
    'root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n',
  '/etc/group': 'root:x:0:\nshadow:x:42:\nwww-data:x:33:\n',
  '/etc/shadow': 'root:*:19000:0:99999:7:::\nwww-data:*:19000:0:99999:7:::\n',
  '/etc/gshadow': 'root:*::\nshadow:*::\nwww-data:*::\n',
  '/usr/bin/true': 'true',
  '/usr/bin/env': 'env',
  '/bin': '-> usr/bin',
};

export interface Generated extends GeneratedLayer {
  input: UnitInput;
  /** Text of a generated file. */
  text: (path: string) => string;
  /** The merged root with the generated layer. */
  root: TreeEntry[];
}

/** Generates over a base and modules, lowest first, for the account `acme`. */
export function generate(
  modules: readonly ModuleOptions[],
  options: Partial<UnitInput> & { base?: Files } = {},
): Generated {
  const layers = [
    moduleLayer({ account: 'powernode', module: 'system-base', files: options.base ?? base }),
    ...modules.map(moduleLayer),
  ];
  const texts = new Map(
    [options.base ?? base, ...modules.map(({ files = {} }) => files)].flatMap((files) =>
      Object.entries(files),
    ),
  );

  const input: UnitInput = {
    account: 'acme',
    layers,
    entries: mergeTrees(layers.map(({ entries }) => entries)),
    ...options,
  };
  const layer = generateLayer(input, (path) => Buffer.from(texts.get(path) ?? ''));
  return {
    ...layer,
    input,
    root: withGenerated({ ...compose([]), entries: [...input.entries] }, layer).entries,
    text: (path) => textOf(layer, path),
  };
}

function textOf({ entries, contents }: GeneratedLayer, path: string): string {
  const entry = entries.find((one) => one.path === path);
  if (entry === undefined) throw new Error(`no generated ${path}`);
  return Buffer.from(contents.get(path) ?? Buffer.from(entry.content ?? '', 'base64')).toString();
}
