import type { CompositionLayer } from '../../shared/domain/compose/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import { compileGlob, matches } from '../../shared/files/index.ts';

/**
 * Composition as product.md, section 7, states it, written sentence by sentence and without regard
 * to speed: every layer is asked about every path. Tests compare `compose` with it.
 */
export interface ModelledComposition {
  /** The codes of all conflicts; a composition with any is refused with one of them. */
  conflicts: Set<'composition_protected_conflict' | 'composition_type_conflict'>;
  /** `<path> <type> <mode> <uid>` of each merged entry, as `describeEntry` says it. */
  image: string[];
  /** `<module> <path>` of each file that is rendered for machines. */
  rendered: string[];
  /** `<from> <path>` of each dropped file, with the modules because of which it is dropped. */
  dropped: Map<string, string[]>;
}

export function modelComposition(layers: readonly CompositionLayer[]): ModelledComposition {
  const ranked = [...layers].sort(byRank);
  const paths = [...new Set(layers.flatMap(({ entries }) => entries.map(({ path }) => path)))];
  const model: ModelledComposition = {
    conflicts: new Set(),
    image: [],
    rendered: [],
    dropped: new Map(),
  };

  for (const path of paths.sort(byBytes)) {
    findProtectedConflicts(model, layers, path);
    layPath(model, ranked, path);
  }
  return model;
}

export function describeEntry({ path, type, mode, uid }: TreeEntry): string {
  return `${path} ${type} ${mode.toString(8)} ${uid}`;
}

/** Lays the entries that the layers have at one path, the highest layer last. */
function layPath(
  model: ModelledComposition,
  ranked: readonly CompositionLayer[],
  path: string,
): void {
  const here = ranked.flatMap((layer) => {
    const entry = entryAt(layer, path);
    return entry === undefined ? [] : [{ layer, entry }];
  });

  const files = here.filter(({ entry }) => entry.type !== 'directory');
  const directories = here.filter(({ entry }) => entry.type === 'directory');

  const staying = files.filter(({ layer }) => {
    const by = ranked.filter((other) => other !== layer && dropsFile(other, layer, path));
    if (by.length > 0) model.dropped.set(`${nameOf(layer)} ${path}`, by.map(nameOf));
    return by.length === 0;
  });

  const reserved = ranked.filter((layer) => reservesFile(layer, path));
  const foreign = reserved.some((layer) => directories.some((one) => one.layer !== layer));
  if ((staying.length > 0 && directories.length > 0) || foreign) {
    model.conflicts.add('composition_type_conflict');
  }

  // "Merged directories, the root included, take the attributes of the highest layer that has
  // them", unless a module protects the directory itself.
  const shaper =
    directories.findLast(({ layer }) => protectsShipped(layer, path)) ?? directories.at(-1);
  if (shaper !== undefined) model.image.push(describeEntry(shaper.entry));

  const inImage = staying.findLast(({ layer }) => layer.variety !== 'instance');
  if (inImage !== undefined) model.image.push(describeEntry(inImage.entry));

  const top = staying.at(-1);
  if (top?.layer.variety === 'instance') model.rendered.push(`${nameOf(top.layer)} ${path}`);
}

/** "Two modules protecting the same concrete path, without a carve-out, is a conflict." */
function findProtectedConflicts(
  model: ModelledComposition,
  layers: readonly CompositionLayer[],
  path: string,
): void {
  for (const one of layers) {
    for (const other of layers) {
      if (one === other || !protectsShipped(one, path)) continue;
      const entry = entryAt(one, path);
      const twin = entryAt(other, path);
      const file = entry?.type !== 'directory';
      if (file && (carvesOut(one, other, path) || carvesOut(other, one, path))) continue;

      const alike =
        !file && twin?.type === 'directory' && twin.mode === entry.mode && twin.uid === entry.uid;
      const both = protectsShipped(other, path) && !alike;
      const reserved = file && (reserves(other, path, false) || needsDirectory(other, path));
      if (both || reserved) model.conflicts.add('composition_protected_conflict');
    }
  }
}

/** Whether `other` removes the file that `layer` has at a path. */
function dropsFile(other: CompositionLayer, layer: CompositionLayer, path: string): boolean {
  if (carvesOut(layer, other, path)) return false;
  return (
    protectsShipped(other, path) || needsDirectory(other, path) || reserves(other, path, false)
  );
}

/** "`protected_spec` protects those of its own shipped paths that match." */
function protectsShipped(layer: CompositionLayer, path: string): boolean {
  const entry = entryAt(layer, path);
  if (entry === undefined || path === '/') return false;
  return matchesAny(layer.protected_spec, path, entry.type === 'directory');
}

/** "… and each ancestor as a directory": of what it ships and protects, and of what it reserves. */
function needsDirectory(layer: CompositionLayer, path: string): boolean {
  const below = layer.entries.some(
    (entry) => entry.path.startsWith(`${path}/`) && protectsShipped(layer, entry.path),
  );
  return below || grantsOf(layer).some((pattern) => standsAbove(path, pattern));
}

/** Whether what stands before one of an anchored pattern's slashes, and before `**`, matches. */
function standsAbove(path: string, pattern: string): boolean {
  if (!pattern.startsWith('/')) return false;
  const names = pattern.slice(1).split('/');
  return names.slice(1).some((_, index) => {
    const above = names.slice(0, index + 1);
    return (
      !above.some((name) => name.includes('**')) && matchesAny([`/${above.join('/')}`], path, true)
    );
  });
}

/** "… unless an operator granted the reservation": then it protects all that it matches. */
function reserves(layer: CompositionLayer, path: string, directory: boolean): boolean {
  return matchesAny(grantsOf(layer), path, directory);
}

/** A pattern without wildcards reserves a file, unless its module ships a directory there. */
function reservesFile(layer: CompositionLayer, path: string): boolean {
  return grantsOf(layer).includes(path) && entryAt(layer, path)?.type !== 'directory';
}

function grantsOf({ granted_reservations = [], protected_spec }: CompositionLayer): string[] {
  return granted_reservations.filter((pattern) => protected_spec.includes(pattern));
}

/**
 * A carve-out: "an entry that stands verbatim in both `file_spec` and `mask`" of a child, for the
 * files that it ships.
 */
function carvesOut(layer: CompositionLayer, parent: CompositionLayer, path: string): boolean {
  if (layer.variety !== 'config' || layer.parent_module !== nameOf(parent)) return false;
  const carved = layer.file_spec.filter((pattern) => layer.mask.includes(pattern));
  return isFile(entryAt(layer, path)) && matchesAny(carved, path, false);
}

const isFile = (entry?: TreeEntry) => entry !== undefined && entry.type !== 'directory';

function matchesAny(patterns: readonly string[], path: string, directory: boolean): boolean {
  return patterns.some((pattern) => matches(compileGlob(pattern), path, directory));
}

function entryAt({ entries }: CompositionLayer, path: string): TreeEntry | undefined {
  return entries.find((entry) => entry.path === path);
}

const nameOf = ({ account, module }: CompositionLayer) => `${account}/${module}`;
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** "Higher wins a path. Ties: the byte-wise later name wins." */
function byRank(a: CompositionLayer, b: CompositionLayer): number {
  return a.priority - b.priority || byBytes(nameOf(a), nameOf(b));
}
