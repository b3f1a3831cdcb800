import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type {
  CarvedOutFile,
  Composition,
  CompositionLayer,
  CompositionReport,
  DroppedFile,
  LayerName,
  ShadowedFile,
} from '../domain/compose/index.ts';
import { compareBytes, plainDirectory, type TreeEntry } from '../domain/files/index.ts';
import { layerName, orderLayers } from './priority.ts';
import { computeProtection, type Protection } from './protection.ts';

/** What the merge knows of one path. Layers are named by their index in composition order. */
interface Slot {
  isDirectory: boolean;
  /**
   * The highest layer so far that has the path. The report and the error for a type clash name it.
   */
  top: number;
  /** The image's entry at this path, or null while only rendered modules have the path. */
  image: TreeEntry | null;
  imageBy: number;
  /** The file of an `instance` module that covers the image's entry. */
  rendered: TreeEntry | null;
}

/**
 * Merges layers into one root by the rules of product.md, section 7. Pure: the order of the input
 * never matters.
 *
 * - Order: by priority, ties by byte order of the names. Of several files (anything but a
 *   directory) at one path the last wins, and the others are reported as shadowed.
 * - Protection comes first. A file at a path that another module protects is removed from its layer
 *   (`effective_masks`) and reported as dropped, whichever layer ranks higher.
 * - Protection covers paths that the protecting module ships: each file, and each directory that a
 *   pattern itself matches, with its mode, owner and xattrs. Copies of the directory in other
 *   modules do not change these. Each ancestor is protected as a directory, but its attributes
 *   merge as everywhere.
 * - A file of another module at the path of a protected directory is dropped too, so nothing turns
 *   a directory into a link. Files that another module adds in a protected directory stay: to
 *   protect all that a module ships below it, use `dir/***`.
 * - A pattern of `protected_spec` that an operator granted (`granted_reservations`) also protects
 *   paths that the module does not ship, and the directories above them. Files of other modules
 *   there are dropped; directories stay. A directory at a path reserved for a file is a clash.
 * - A carve-out lifts the parent's protection of a file for that layer only. The layer's file then
 *   wins or loses by rank.
 * - Merged directories have the attributes of the highest layer that has them. A composition
 *   without layers is an empty root (0755, 0:0, time 0).
 * - A symlink counts as a file: it clashes with a directory of another layer, and it is never
 *   followed.
 * - `instance` modules add directories alone to the image. Their files are returned in
 *   `instance_files`, without those that protection drops or a higher layer shadows. Image files
 *   that they cover stay in the image and are reported as shadowed.
 *
 * Entries are the layers' own objects: treat them as read-only.
 * @throws GantryError `composition_protected_conflict`, `composition_type_conflict`,
 * `instance_entry_unsupported`, `conflict` (the same module twice), `glob_invalid`
 */
export function compose(layers: Iterable<CompositionLayer>): Composition {
  const ordered = orderLayers(layers);
  const names = ordered.map(layerName);
  const protection = computeProtection(ordered);
  const merge = new Merge(ordered, names, protection);

  ordered.forEach((layer, index) => {
    merge.lay(layer, index);
  });
  return merge.finish();
}

class Merge {
  readonly #layers: CompositionLayer[];
  readonly #names: LayerName[];
  readonly #protection: Protection;
  readonly #slots = new Map<string, Slot>();
  readonly #dropped: DroppedFile[] = [];
  /** Files that lost to a higher layer. Only the end of the merge decides which layer wins. */
  readonly #covered: { path: string; from: number; slot: Slot }[] = [];
  readonly #carvedOut: CarvedOutFile[] = [];
  readonly #clashes: { path: string; directory: LayerName; file: LayerName }[] = [];

  constructor(layers: CompositionLayer[], names: LayerName[], protection: Protection) {
    this.#layers = layers;
    this.#names = names;
    this.#protection = protection;
  }

  /** Merges a layer over those before it. */
  lay(layer: CompositionLayer, index: number): void {
    const rendered = layer.variety === 'instance';
    for (const entry of layer.entries) {
      if (entry.type === 'directory') this.#layDirectory(entry, index);
      else this.#layFile(entry, index, rendered);
    }
  }

  #layDirectory(entry: TreeEntry, index: number): void {
    const reserver = this.#protection.fileReserverOf(index, entry.path);
    if (reserver !== null) this.#noteClash(entry.path, index, reserver);
    const slot = this.#slotFor(entry.path, true, index);
    if (slot === null || !this.#protection.mayShape(index, entry.path)) return;
    slot.image = entry;
    slot.imageBy = index;
  }

  #layFile(entry: TreeEntry, index: number, rendered: boolean): void {
    const { path } = entry;
    if (rendered && entry.type !== 'file') throw this.#unsupported(entry, index);

    const from = this.#name(index);
    const dropper = this.#protection.dropperOf(index, path);
    if (dropper !== null) {
      this.#dropped.push({ path, from, because_of: this.#name(dropper) });
      return;
    }

    const carvedFrom = this.#protection.carvedFrom(index, path);
    if (carvedFrom !== null) this.#carvedOut.push({ path, from: this.#name(carvedFrom), by: from });
    const below = this.#slots.get(path)?.top;
    const slot = this.#slotFor(path, false, index);
    if (slot === null) return;

    if (below !== undefined) this.#covered.push({ path, from: below, slot });
    slot.top = index;
    slot.rendered = rendered ? entry : null;
    if (rendered) return;

    slot.image = entry;
    slot.imageBy = index;
  }

  /**
   * Returns the slot of a path. Returns null, and notes the clash, if the path is a directory in
   * one layer and a file in another.
   */
  #slotFor(path: string, isDirectory: boolean, index: number): Slot | null {
    const slot = this.#slots.get(path);
    if (slot === undefined) {
      const made: Slot = { isDirectory, top: index, image: null, imageBy: index, rendered: null };
      this.#slots.set(path, made);
      return made;
    }

    if (slot.isDirectory === isDirectory) return slot;

    if (isDirectory) this.#noteClash(path, index, slot.top);
    else this.#noteClash(path, slot.top, index);
    return null;
  }

  #noteClash(path: string, directory: number, file: number): void {
    this.#clashes.push({ path, directory: this.#name(directory), file: this.#name(file) });
  }

  finish(): Composition {
    this.#refuseClashes();
    const entries: TreeEntry[] = [];
    const owners = new Map<string, LayerName>();
    const shapers = new Map<string, LayerName>();
    const instanceFiles: Composition['instance_files'] = [];
    const paths = [...this.#slots.keys()].sort(compareBytes);
    if ((this.#slots.get('/')?.image ?? null) === null) entries.push(emptyRoot);

    for (const path of paths) {
      const slot = this.#slots.get(path) as Slot;
      if (slot.image !== null) {
        entries.push(slot.image);
        (slot.isDirectory ? shapers : owners).set(path, this.#name(slot.imageBy));
      }

      if (slot.rendered !== null)
        instanceFiles.push({ module: this.#name(slot.top), entry: slot.rendered });
    }

    const report = this.#report();
    return {
      layers: this.#layers,
      effective_masks: new Map(report.layers.map((layer) => [layer.name, layer.effective_mask])),
      entries,
      owners,
      shapers,
      protected: this.#protection.paths(),
      instance_files: instanceFiles,
      report,
    };
  }

  #report(): CompositionReport {
    const masks = new Map<LayerName, string[]>(this.#names.map((name) => [name, []]));
    for (const { path, from } of this.#dropped) masks.get(from)?.push(path);

    const shadowed: ShadowedFile[] = this.#covered.map(({ path, from, slot }) => ({
      path,
      from: this.#name(from),
      by: this.#name(slot.top),
    }));

    return {
      layers: this.#layers.map((layer, index) => ({
        name: this.#name(index),
        version: layer.version,
        priority: layer.priority,
        files: layer.entries.reduce(
          (count, entry) => count + (entry.type === 'directory' ? 0 : 1),
          0,
        ),
        effective_mask: (masks.get(this.#name(index)) as string[]).sort(compareBytes),
      })),
      dropped: byPath(this.#dropped),
      shadowed: byPath(shadowed),
      carved_out: byPath(this.#carvedOut),
      warnings: this.#protection.warnings,
    };
  }

  #refuseClashes(): void {
    const clashes = this.#clashes.sort((a, b) => compareBytes(a.path, b.path));
    const [first] = clashes;
    if (first === undefined) return;

    const more = clashes.length === 1 ? '' : ` (and ${clashes.length - 1} more such paths)`;
    throw new GantryError(
      'composition_type_conflict',
      `expected ${JSON.stringify(first.path)} to be a directory in every module or in none, found a directory in ` +
        `${first.directory} and a file, symlink or reservation in ${first.file}${more}`,
      { found: first.path, details: clashes.slice(0, limits.conflictsShownMax) },
    );
  }

  #unsupported(entry: TreeEntry, index: number): GantryError {
    return new GantryError(
      'instance_entry_unsupported',
      `expected the instance module ${this.#name(index)} to ship regular files only, which can be rendered; found ` +
        `${JSON.stringify(entry.path)}, which is of type ${entry.type}`,
      { field: entry.path, expected: 'file', found: entry.type },
    );
  }

  #name(index: number): LayerName {
    return this.#names[index] as LayerName;
  }
}

/** A composition without any layer in its image still needs a directory to mount it on. */
const emptyRoot: TreeEntry = { path: '/', ...plainDirectory };

function byPath<T extends { path: string; from: LayerName }>(list: T[]): T[] {
  return list.sort((a, b) => compareBytes(a.path, b.path) || compareBytes(a.from, b.from));
}
