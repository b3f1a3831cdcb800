import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import {
  ancestorPaths,
  compareBytes,
  parentPath,
  plainDirectory,
  type TreeEntry,
} from '../domain/files/index.ts';
import { layerTooLarge, MemberContent, treeEntry } from './member.ts';
import type { TarMember } from './tar-member.ts';
import { TarParser } from './tar-parser.ts';
import { memberPath, shownMember } from './tar-path.ts';
import { TreeWeight } from './tree-weight.ts';

/**
 * An entry of an image and the layer that has its content, at `entry.offset` of that layer's tar.
 */
export interface Placed {
  entry: TreeEntry;
  layer: number;
}

const shown = (path: string): string => shownMember(path, '');
const whiteoutPrefix = '.wh.';
const opaqueWhiteout = '.wh..wh..opq';

const rootEntry: TreeEntry = { path: '/', ...plainDirectory };

/**
 * The tree of an image, built layer by layer (OCI image spec 1.1, "Image Layer Filesystem
 * Changeset"). Whiteouts remove entries of lower layers, directories merge, and everything else is
 * replaced. Each layer is as hostile as a module tar. Bazel's rules leave out directories and write
 * them twice: a directory that no layer has is a plain one, and of two entries the later counts.
 *
 * Invariants: after each layer the parent of every entry is a directory of the tree. No layer has a
 * path twice, except a directory. All layers together, including replaced entries, stay within the
 * limits of one layer.
 */
export class ImageTree {
  readonly #entries = new Map<string, Placed>([['/', { entry: rootEntry, layer: -1 }]]);
  readonly #weight: TreeWeight;
  readonly #allowDevices: boolean;
  #layers = 0;
  #bytes = 0;

  /** @param options.layerEntriesMax defaults to `limits.layerEntriesMax` */
  constructor(options: { allowDevices: boolean; layerEntriesMax?: number }) {
    this.#allowDevices = options.allowDevices;
    this.#weight = new TreeWeight(options.layerEntriesMax);
  }

  /**
   * Reads the next layer, uncompressed. After an error the tree is unusable.
   * @throws GantryError with a `tar_…` or `layer_…` code; errors of the source pass through
   */
  async addLayer(source: AsyncIterable<Uint8Array>): Promise<void> {
    const parser = new TarParser();
    const layer = new LayerReader(this.#layers++, this.#weight, this.#allowDevices);

    for await (const chunk of source) {
      this.#bytes += chunk.length;
      if (this.#bytes > limits.layerBytesMax) {
        const message = `the layers of the image have more than ${limits.layerBytesMax} bytes in all`;
        throw layerTooLarge(message, limits.layerBytesMax);
      }

      for (const event of parser.push(chunk)) {
        if (event.kind === 'member') layer.open(event.member);
        // Without a sink there is nothing to await.
        else void layer.content.take(event);
      }
    }

    parser.end({ mayBeOpen: true });
    layer.applyTo(this.#entries);
  }

  /** Byte-wise by path. */
  placed(): Placed[] {
    return [...this.#entries.values()].sort((a, b) => compareBytes(a.entry.path, b.entry.path));
  }
}

/** The entries and whiteouts of one layer, until they are applied to the layers below. */
class LayerReader {
  readonly content = new MemberContent();
  readonly #layer: number;
  readonly #weight: TreeWeight;
  readonly #allowDevices: boolean;
  readonly #own = new Map<string, Placed>();
  /** Hard links to files of lower layers, which whiteouts may still hide: path → target. */
  readonly #links = new Map<string, string>();
  readonly #hidden = new Set<string>();
  readonly #opaque = new Set<string>();

  constructor(layer: number, weight: TreeWeight, allowDevices: boolean) {
    this.#layer = layer;
    this.#weight = weight;
    this.#allowDevices = allowDevices;
  }

  open(member: TarMember): void {
    const name = memberPath(member.name, 'the entry', member.typeflag === '5');
    const path = name === '.' ? '/' : `/${name}`;
    const base = path.slice(path.lastIndexOf('/') + 1);
    if (base.startsWith(whiteoutPrefix)) {
      this.#whiteOut(path, base, member);
      return;
    }

    if (this.#links.has(path)) throw duplicate(path);
    if (member.typeflag === '1') this.#link(path, member);
    else this.#openEntry(path, member);
  }

  #openEntry(path: string, member: TarMember): void {
    const entry = treeEntry(path, member, {
      allowDevices: this.#allowDevices,
      bytesMax: limits.layerBytesMax,
    });
    if (path === '/' && entry.type !== 'directory') {
      throw new GantryError(
        'tar_entry_unexpected',
        `the root of a layer is a ${entry.type}, expected a directory`,
      );
    }

    this.#place(entry, this.#layer);
    if (entry.type === 'file' && member.size > 0) this.content.openFile(entry, member, undefined);
  }

  /** Removes from the entries below what this layer hides, and adds its own entries. */
  applyTo(entries: Map<string, Placed>): void {
    this.#replaceDirectories(entries);
    this.#deleteHidden(entries);
    this.#placeLinks(entries);

    for (const [path, placed] of this.#own) entries.set(path, placed);
    for (const path of this.#own.keys()) this.#placeParent(path, entries);
  }

  /** Places the directories above a path that no layer has. */
  #placeParent(path: string, entries: Map<string, Placed>): void {
    const parent = parentPath(path);
    if (path === '/' || entries.get(parent)?.entry.type === 'directory') return;
    if (entries.has(parent)) throw badParent(path, entries);

    this.#placeParent(parent, entries);
    const entry: TreeEntry = { path: parent, ...plainDirectory };
    this.#weight.add(entry);
    entries.set(parent, { entry, layer: this.#layer });
  }

  #deleteHidden(entries: Map<string, Placed>): void {
    if (this.#hidden.size === 0 && this.#opaque.size === 0) return;
    for (const path of entries.keys()) if (this.#hides(path)) entries.delete(path);
  }

  /** Places hard links in their order, so that a link to a link finds it placed. */
  #placeLinks(entries: ReadonlyMap<string, Placed>): void {
    for (const [path, target] of this.#links) {
      const placed = this.#links.has(target) ? this.#own.get(target) : entries.get(target);
      if (!placed || !isLinkable(placed))
        throw badLink(path, target, placed?.entry.type ?? 'missing');
      this.#place({ ...placed.entry, path }, placed.layer);
    }
  }

  /** Hides a directory, with everything below it, when this layer replaces it by something else. */
  #replaceDirectories(entries: ReadonlyMap<string, Placed>): void {
    const others = [...this.#own]
      .filter(([, { entry }]) => entry.type !== 'directory')
      .map(([path]) => path);
    for (const path of [...others, ...this.#links.keys()]) {
      if (entries.get(path)?.entry.type === 'directory') this.#hidden.add(path);
    }
  }

  #place(entry: TreeEntry, layer: number): void {
    const earlier = this.#own.get(entry.path)?.entry;
    if (earlier !== undefined && !isRepeated(earlier, entry)) throw duplicate(entry.path);

    this.#weight.add(entry);
    this.#own.set(entry.path, { entry, layer });
  }

  #link(path: string, member: TarMember): void {
    const target = `/${memberPath(member.linkName, `the target of the hard link ${shown(path)},`, false)}`;
    const own = this.#own.get(target);
    if (own === undefined) {
      this.#weight.addPath(path + target);
      this.#links.set(path, target);
    } else if (isLinkable(own)) this.#place({ ...own.entry, path }, own.layer);
    else throw badLink(path, target, own.entry.type);
  }

  #whiteOut(path: string, base: string, member: TarMember): void {
    const name = base.slice(whiteoutPrefix.length);
    const known = base === opaqueWhiteout || !name.startsWith(whiteoutPrefix);
    if (!known || ['', '.', '..'].includes(name) || member.typeflag !== '0' || member.size > 0) {
      const message = `${shown(path)} is no whiteout, expected an empty file named ${whiteoutPrefix}<name> or ${opaqueWhiteout}`;
      throw new GantryError('tar_entry_unexpected', message, { found: path });
    }

    this.#weight.addPath(path);
    const parent = parentPath(path);
    if (base === opaqueWhiteout) this.#opaque.add(parent);
    else this.#hidden.add(parent === '/' ? `/${name}` : `${parent}/${name}`);
  }

  #hides(path: string): boolean {
    return (
      this.#hidden.has(path) ||
      ancestorPaths(path).some(
        (ancestor) => this.#hidden.has(ancestor) || this.#opaque.has(ancestor),
      )
    );
  }
}

/** Whether a hard link may name it; a link to a symlink is a symlink of its own. */
function isLinkable({ entry }: Placed): boolean {
  return entry.type !== 'directory';
}

/** Runtimes apply a directory's later entry, but keep the extended attributes of the earlier. */
function isRepeated(earlier: TreeEntry, entry: TreeEntry): boolean {
  return (
    earlier.type === 'directory' &&
    entry.type === 'directory' &&
    isDeepStrictEqual(earlier.xattrs, entry.xattrs)
  );
}

function badParent(path: string, entries: ReadonlyMap<string, Placed>): GantryError {
  const symlink = ancestorPaths(path).find(
    (ancestor) => entries.get(ancestor)?.entry.type === 'symlink',
  );
  if (symlink !== undefined) {
    const message = `${shown(path)} leads through the symlink ${shown(symlink)}; expected directories all the way`;
    return new GantryError('tar_path_through_symlink', message, { found: symlink });
  }

  const parent = parentPath(path);
  const found = entries.get(parent)?.entry.type;
  const message = `${shown(path)} needs ${shown(parent)} as a directory, found a ${found}`;
  return new GantryError('tar_missing_parent', message, { found: path });
}

function duplicate(path: string): GantryError {
  const message = `${shown(path)} is in the layer twice, expected once`;
  return new GantryError('tar_duplicate_entry', message, { found: path });
}

function badLink(path: string, target: string, found: string): GantryError {
  const message = `the hard link ${shown(path)} names ${shown(target)}, which is ${found}; expected an earlier entry other than a directory`;
  return new GantryError('tar_hardlink_invalid', message, { found: target });
}
